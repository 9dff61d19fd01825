import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseDomainEvent } from '../../shared/edge/domain-event-schema.ts';
import type { PushResult } from '../../tour/pushes.ts';
import { must, startGroup, type TestGroup } from './group.ts';
import { makeUploads, upload } from './on-host.ts';

let group: TestGroup;
beforeAll(async () => {
  group = await startGroup();
});
afterAll(() => group?.close());

const hosts = () => [group.primary, ...group.secondaries];
const releases = (host: { readonly id: string; exec: TestGroup['primary']['exec'] }) =>
  must(host, 'ls /usr/local/lib/hostsync');

it('hosts whose release is another one get that of the deployment, and the push is made at once', async () => {
  const before = await releases(group.primary);
  // As after a deployment: what the documents run is not there, and what is there is older
  for (const host of hosts())
    await must(host, 'cd /usr/local/lib/hostsync; mv [0-9]* 0.0.0-0123456789abcdef');
  await upload(group.primary, 'new');
  const results = await group.tick();
  expect(results).toEqual([expect.objectContaining({ ok: true }), expect.objectContaining({ ok: true })]);
  for (const secondary of group.secondaries) expect(await group.differences(secondary)).toEqual([]);
  for (const host of hosts()) {
    const now = await releases(host);
    expect(now).toContain(before.match(/^\d.*$/mu)?.[0]);
    expect(now).toContain('0.0.0-0123456789abcdef');
  }
  // No event says that anything failed
  expect(group.cloud.events(({ event }) => event['detail-type'] === 'Push Failed')).toEqual([]);
});

it('a newcomer without the package gets it before it joins', async () => {
  const newcomer = await group.cloud.launch({
    tags: { 'hostsync:group': 'web' },
    prepare: makeUploads,
  });
  await group.cloud.waitFor(() => newcomer.tags['hostsync:host-key'], {
    what: `${newcomer.id} joins`,
    timeoutSeconds: 60,
  });
  expect(await releases(newcomer)).toBe(
    (await releases(group.primary)).replace('0.0.0-0123456789abcdef\n', ''),
  );
});

it('a host without Python says so, and the others are pushed to', async () => {
  const bare = await group.cloud.launch({
    tags: { 'hostsync:group': 'web' },
    async prepare(instance) {
      await makeUploads(instance);
      await must(instance, 'chmod a-x /usr/bin/python3*');
    },
  });
  const failures = () =>
    group.cloud
      .events(({ event }) => event['detail-type'] === 'Join Failed')
      .map(({ event }) => parseDomainEvent(event).detail);
  const pushes: PushResult[] = [];
  await upload(group.primary, 'meanwhile');
  await expect
    .poll(
      async () => {
        pushes.push(...(await group.tick()));
        return failures();
      },
      { timeout: 120_000, interval: 1_000 },
    )
    .toMatchObject([
      {
        group: 'web',
        secondary: bare.id,
        final: false,
        message: expect.stringContaining('/usr/bin/python3 is missing'),
      },
    ]);
  expect(pushes.filter(({ ok }) => !ok)).toEqual([]);
  expect(bare.tags['hostsync:state']).toBe('joining');
  for (const secondary of group.secondaries) expect(await group.differences(secondary)).toEqual([]);
});
