import type { LocalInstance } from 'local-cloud';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseDomainEvent } from '../../shared/edge/domain-event-schema.ts';
import { fakeClock } from './clock.ts';
import { must, startGroup, type TestGroup, uploads } from './group.ts';
import { upload, uploadRandom } from './on-host.ts';
import { isWatchedByDefault } from './watched.ts';

const resultEvents = /^EC2 Command/u;
let group: TestGroup;
beforeAll(async () => {
  group = await startGroup({ secondaries: 3, diskBytes: 300e6, timeScale: 20 });
});
afterAll(() => group?.close());

let seen = { events: 0, messages: 0 };
/** Subjects of the messages since the last look. */
function newMessages(): readonly { readonly subject: string; readonly message: string }[] {
  const found = group.cloud.messages().slice(seen.messages);
  seen = { ...seen, messages: seen.messages + found.length };
  return found.map(({ subject, message }) => ({ subject: subject ?? '', message }));
}
/** Types of the events of hostsync since the last look; every one of them is as docs/events.md has it. */
function newEvents(): readonly string[] {
  const found = group.cloud.events().filter(({ event }) => event.source === 'hostsync');
  const fresh = found.slice(seen.events);
  seen = { ...seen, events: found.length };
  return fresh.map(({ event }) => parseDomainEvent(event).type);
}
const subjects = () => newMessages().map(({ subject }) => subject);
const put = (name: string) => upload(group.primary, name);
const syncedAt = async (host: LocalInstance) => Date.parse((await group.notes(host))['synced-at'] ?? '');
const state = ({ tags }: LocalInstance) => tags['hostsync:state'];

describe.each([
  ['with the events of AWS', 1],
  ['with every event on results lost', 2],
])('%s', (_, ticks) => {
  const lost = ticks === 2;
  /** What a push has brought out is known after it, or, without the event, with the next look, which is due in time. */
  const settle = async () => {
    for (let tick = 0; tick < ticks; tick += 1) {
      if (lost) await group.forgetReconciled();
      await group.push();
    }
  };
  let fault: { remove(): void } | undefined;
  beforeAll(() => {
    if (lost)
      fault = group.cloud.faults.dropEvents((event) => resultEvents.test(event['detail-type']), Infinity);
  });
  afterAll(() => fault?.remove());
  beforeEach(async () => {
    await group.push();
    await group.push();
    newMessages();
    newEvents();
  });

  /** Breaks something, sees one alert, mends it, sees the alert resolved. */
  async function failAndRecover(
    secondary: LocalInstance,
    error: string,
    fail: () => Promise<unknown>,
    mend: () => Promise<unknown>,
  ): Promise<string> {
    const before = await syncedAt(secondary);
    await fail();
    await put(`${error}-1-${ticks}`);
    await settle();
    const [first, ...more] = newMessages();
    expect(more).toEqual([]);
    expect(first?.subject).toBe(`hostsync web: ${secondary.id} is behind (${error})`);
    for (const part of ['Group web', secondary.id, error, 'What to do:', ' s behind (last in sync '])
      expect(first?.message).toContain(part);
    expect(state(secondary)).toBe('behind');
    expect((await group.notes(secondary))['incident']).toMatch(new RegExp(`^${error}/.*Z/1(?:/|$)`, 'u'));
    for (const other of group.secondaries.filter(({ id }) => id !== secondary.id)) {
      expect(state(other)).toBe('in-sync');
      expect(await syncedAt(other)).toBeGreaterThan(before);
      expect(await syncedAt(secondary)).toBeLessThan(await syncedAt(other));
    }
    // IncidentDetail once and not every minute
    await settle();
    expect(subjects()).toEqual([]);
    await mend();
    await settle();
    expect(subjects()).toEqual([`hostsync web: ${secondary.id} is in sync again`]);
    expect(state(secondary)).toBe('in-sync');
    expect((await group.notes(secondary))['incident']).toBeUndefined();
    expect(await group.differences(secondary)).toEqual([]);
    await settle();
    expect(subjects()).toEqual([]);
    const notifications = newEvents().filter((type) => type !== 'Files Synced');
    expect(notifications).toEqual(['Sync Failed', 'Sync Recovered']);
    return first?.message ?? '';
  }

  it('an unreachable host', async () => {
    const secondary = group.secondary(0);
    const message = await failAndRecover(
      secondary,
      'unreachable',
      () => secondary.cutOff(),
      () => secondary.heal(),
    );
    expect(message).toContain(
      `aws ec2 describe-instance-status --include-all-instances --instance-ids ${secondary.id}`,
    );
  });

  // A watch has a connection open, whose key was checked when it was opened
  it.skipIf(isWatchedByDefault)('a host that shows another host key', async () => {
    const secondary = group.secondary(1);
    const pinned = secondary.tags['hostsync:host-key'] ?? '';
    const other = group.secondary(0).tags['hostsync:host-key'] ?? '';
    await failAndRecover(
      secondary,
      'host-key-changed',
      async () => secondary.setTags({ 'hostsync:host-key': other }),
      async () => secondary.setTags({ 'hostsync:host-key': pinned }),
    );
  });

  it('a full disk', async () => {
    const secondary = group.secondary(2);
    const message = await failAndRecover(
      secondary,
      'disk-full',
      async () => {
        await secondary.fillDisk();
        await uploadRandom(group.primary, 'big', 20_000_000);
      },
      async () => {
        await must(group.primary, `rm ${uploads}/big`);
        await secondary.freeDisk();
      },
    );
    expect(message).toContain(`aws ssm start-session --target ${secondary.id}, then df -h`);
  });

  it('one file that may not be written: the rest arrives, and the message names it', async () => {
    const secondary = group.secondary(0);
    const directory = `${uploads}/locked-${ticks}`;
    await must(
      group.primary,
      `install -d -o www-data -g www-data ${directory}; echo 1 > ${directory}/there; chown www-data: ${directory}/there`,
    );
    await settle();
    newEvents();
    const message = await failAndRecover(
      secondary,
      'permission-denied',
      async () => {
        await must(secondary, `chown root: ${directory}; chmod 755 ${directory}`);
        await upload(group.primary, 'single', '2', directory);
        await put(`beside-${ticks}`);
      },
      async () => {
        await must(secondary, `test -e ${uploads}/beside-${ticks}`);
        await must(secondary, `chown www-data: ${directory}`);
      },
    );
    expect(message).toContain(`/locked-${ticks}`);
  });

  it('a host that hangs', async () => {
    const secondary = group.secondary(1);
    await secondary.freeze();
    await put(`hung-${ticks}`);
    // The push itself waits for the host for as long as its time-outs say
    await group.push(150);
    await settle();
    const notifications = newMessages();
    expect(notifications.map(({ subject }) => subject)).toEqual([
      expect.stringMatching(
        new RegExp(`^hostsync web: ${secondary.id} is behind \\((timeout|unreachable)\\)$`, 'u'),
      ),
    ]);
    await secondary.thaw();
    await settle();
    await settle();
    expect(subjects()).toEqual([`hostsync web: ${secondary.id} is in sync again`]);
    expect(await group.differences(secondary)).toEqual([]);
  });

  it('a directory that is gone on the primary: one alert, for the group', async () => {
    await must(group.primary, `mv ${uploads} /srv/away`);
    await settle();
    await settle();
    const [notifications, ...more] = newMessages();
    expect(more).toEqual([]);
    expect(notifications?.subject).toBe(`hostsync web: ${uploads} is not pushed`);
    await must(group.primary, `mv /srv/away ${uploads}`);
    await settle();
    await settle();
    expect(subjects()).toEqual(['hostsync web: resolved: directory not pushed']);
    for (const secondary of group.secondaries) expect(await group.differences(secondary)).toEqual([]);
  });

  it('a push that is killed, or that nobody hears of: one alert', async () => {
    await group.primary.agentOffline(false);
    await group.tick(120);
    await settle();
    const notifications = subjects();
    await group.primary.agentOnline();
    expect(notifications.filter((subject) => subject.includes('the push failed (')).length).toBe(1);
    // That its agent is silent makes it a suspect as well; other hosts reach it, so it stays the primary
    expect(notifications.filter((subject) => subject.includes('may be dead')).length).toBeLessThanOrEqual(1);
    expect(notifications.length).toBeLessThanOrEqual(2);
    await settle();
    await settle();
    const over = subjects();
    expect(over).toContain('hostsync web: resolved: push failed');
    expect(over.every((subject) => subject.startsWith('hostsync web: resolved: '))).toBe(true);
  });

  it.each([
    ['fast', '+1h'],
    ['slow', '-1h'],
  ])('a primary whose clock is an hour %s: what is recorded goes by the clock of AWS', async (_, offset) => {
    const { primary } = group;
    const secondary = group.secondary(0);
    const clock = await fakeClock(primary);
    await clock.set(offset);
    try {
      const shown = Number(await must(primary, 'date +%s')) * 1000;
      expect(Math.abs(shown - Date.now())).toBeGreaterThan(3_000_000);
      const before = Date.now();
      await settle();
      for (const each of group.secondaries)
        expect(await syncedAt(each)).toBeGreaterThanOrEqual(before - 1000);
      await secondary.cutOff();
      await put(`skewed${offset}`);
      await settle();
      expect(subjects()).toEqual([`hostsync web: ${secondary.id} is behind (unreachable)`]);
    } finally {
      await clock.end();
      await secondary.heal();
    }
    await settle();
    expect(subjects()).toEqual([`hostsync web: ${secondary.id} is in sync again`]);
    expect(await group.differences(secondary)).toEqual([]);
  });

  it('calls do not grow with what is well', async () => {
    await settle();
    const before = group.cloud.calls().length;
    await group.tick();
    const calls = group.cloud.calls().slice(before);
    const count = (wanted: string) => calls.filter(({ operation }) => operation === wanted).length;
    const kinds = new Set(calls.map(({ operation }) => operation));
    // No tag is written, and the table once
    expect([...kinds].sort()).toEqual([
      ...['BatchGetItem', 'DescribeInstanceInformation', 'DescribeInstanceStatus', 'DescribeInstances'],
      ...(lost ? [] : ['GetCommandInvocation', 'Query']),
      ...(lost ? ['SendCommand'] : ['SendCommand', 'UpdateItem']),
    ]);
    expect(count('DescribeInstances')).toBe(lost ? 1 : 3);
    // A watch tells until when each secondary is known: a second write (docs/cost.md)
    const written = isWatchedByDefault ? 2 : 1;
    expect(count('UpdateItem')).toBe(lost ? 0 : written);
    expect(count('SendCommand')).toBe(1);
  });
});

it('alarms are on what is really measured, and speak through the topic', async () => {
  const names = new Set(group.cloud.metrics().map(({ namespace, name }) => `${namespace} ${name}`));
  for (const name of [
    'SecondsBehind',
    'SecondariesFailing',
    'FilesSent',
    'BytesSent',
    // A watch has no duration: it tells how soon changes arrive
    ...(isWatchedByDefault ? ['LagP50', 'LagP99'] : ['PushSeconds']),
    'Ticks',
  ])
    expect(names).toContain(`hostsync ${name}`);
  const dimensions = group.cloud
    .metrics({ name: 'SecondsBehind' })
    .map((datum) => Object.keys(datum.dimensions).sort().join(' '));
  expect([...new Set(dimensions)].sort()).toEqual(['Group Secondary service', 'Group service', 'service']);
  const before = group.cloud.messages().length;
  const evaluated = await group.cloud.evaluateAlarms();
  expect(evaluated.map(({ logicalId }) => logicalId)).toContain('SecondsBehindAlarm');
  // New alarms have become OK, which is no news
  expect(evaluated.filter(({ state, changed }) => changed && state === 'OK').length).toBeGreaterThan(5);
  await group.settle();
  expect(
    group.cloud
      .messages()
      .slice(before)
      .filter(({ message }) => message.includes('"NewStateValue":"OK"')),
  ).toEqual([]);
});

it('what fails for good is not lost: it goes to the queue of dead letters, and an alarm says so', async () => {
  const message = {
    source: 'hostsync',
    'detail-type': 'Sync Failed',
    resources: [],
    detail: { nonsense: true },
  };
  group.cloud.emit(message);
  await group.cloud.waitFor(() => group.cloud.queueMessages().length > 0, {
    what: 'a dead letter',
    timeoutSeconds: 60,
  });
  group.cloud.takeProblems();
  const evaluated = await group.cloud.evaluateAlarms();
  expect(evaluated.find(({ logicalId }) => logicalId === 'DeadLettersAlarm')?.state).toBe('ALARM');
  expect(group.cloud.messages().some(({ message }) => message.includes('gave up on an event'))).toBe(true);
  newMessages();
  group.cloud.purgeQueue('DeadLetters');
  const mended = await group.cloud.evaluateAlarms();
  expect(mended.find(({ logicalId }) => logicalId === 'DeadLettersAlarm')?.state).toBe('OK');
  await group.settle();
  expect(subjects()).toEqual([
    expect.stringMatching(/^hostsync: resolved: alarm hostsync-prod-DeadLettersAlarm/u),
  ]);
});
