import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { parseDomainEvent } from '../../shared/edge/domain-event-schema.ts';
import { startGroup, uploads } from './group.ts';

it('a launch that cannot be completed in time is abandoned, never let into service, and an event says why', async () => {
  const group = await startGroup({ secondaries: 1, environment: { HOSTSYNC_JOIN_TIMEOUT: '60' } });
  try {
    // An image without the directory: join cannot do its work
    const asg = group.cloud.createAutoScalingGroup({
      name: 'broken',
      tags: { 'hostsync:group': 'web' },
      replace: false,
      hooks: [
        { name: 'hostsync-launch', transition: 'launching', heartbeatTimeout: 45, defaultResult: 'CONTINUE' },
      ],
    });
    const [instance] = await asg.scaleOut(1);
    if (instance === undefined) throw new Error('no instance');
    const launched = Date.now();
    // The hook's own clock (45 s, then CONTINUE) would let it in; the ticks keep it from running down
    await group.tick();
    while (instance.state !== 'terminated') {
      expect(asg.stateOf(instance)).toBe('Pending:Wait');
      await sleep(10_000);
      await group.tick();
    }
    expect(Date.now()).toBeGreaterThan(launched + 60_000);
    const failures = () =>
      group.cloud
        .events((each) => each.event['detail-type'] === 'Join Failed')
        .map(({ event }) => parseDomainEvent(event).detail);
    // One event says why join failed, and the other that its launch was given up
    expect(failures()).toMatchObject([
      { group: 'web', secondary: instance.id, message: expect.stringContaining(uploads), final: false },
      {
        group: 'web',
        secondary: instance.id,
        final: true,
        message: `${instance.id} did not join within 60 s`,
      },
    ]);
    await group.tick();
    expect(failures().length).toBe(2);
    asg.delete();
  } finally {
    await group.close();
  }
}, 200_000);
