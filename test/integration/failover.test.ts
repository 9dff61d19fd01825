import { setTimeout as sleep } from 'node:timers/promises';
import type { LocalInstance } from 'local-cloud';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseDomainEvent } from '../../shared/edge/domain-event-schema.ts';
import { compareTrees, readTree } from '../../tour/tree.ts';
import { must, startGroup, type TestGroup, uploads } from './group.ts';

/** The rows of docs/failures.md. Every one of them leaves the group whole, for the next. */
let group: TestGroup;
/** All hosts of the group; who of them is the primary changes. */
let hosts: readonly LocalInstance[];
beforeAll(async () => {
  group = await startGroup({
    ...{ secondaries: 3, timeScale: 20, zones: ['a', 'b', 'a', 'b'], spot: true },
    environment: { HOSTSYNC_COOL_DOWN: '0' },
  });
  hosts = [group.primary, ...group.secondaries];
});
afterAll(() => group?.close());

/** Kills that no call has set off yet: they would strike in a later row. */
const armed: { remove(): void }[] = [];
afterEach(() => {
  for (const fault of armed.splice(0)) fault.remove();
});

let row = 0;
let seenMessages = 0;
let seenEvents = 0;
beforeEach(() => {
  row += 1;
});

const primaries = () =>
  hosts.filter(({ tags, state }) => tags['hostsync:primary'] !== undefined && state !== 'terminated');
const epoch = ({ tags }: LocalInstance) => Number(tags['hostsync:primary'] ?? 0);
const wwwData = (instance: LocalInstance, command: string) =>
  must(instance, `cd ${uploads} && sudo -u www-data bash -c ${JSON.stringify(command)}`);
const content = (instance: LocalInstance, name: string) => must(instance, `cat ${uploads}/${name}`);

function primary(): LocalInstance {
  const found = primaries().sort((a, b) => epoch(b) - epoch(a))[0];
  if (found === undefined) throw new Error('no primary');
  return found;
}

/** Another one is the primary, and the only one. */
function isReplaced(old: LocalInstance): boolean {
  const [only, ...more] = primaries();
  return only !== undefined && only.id !== old.id && more.length === 0;
}

function subjects(): readonly string[] {
  const found = group.cloud.messages().slice(seenMessages);
  seenMessages += found.length;
  return found.map(({ subject }) => (subject ?? '').replace(/^hostsync web: /u, ''));
}

function eventTypes(): readonly string[] {
  const all = group.cloud.events().filter(({ event }) => event.source === 'hostsync');
  const fresh = all.slice(seenEvents);
  seenEvents = all.length;
  return fresh.map(({ event }) => parseDomainEvent(event).type);
}

/** Ticks until something is so. */
async function tickUntil(what: string, done: () => boolean, most = 12): Promise<number> {
  for (let tick = 0; tick < most; tick += 1) {
    if (done()) return tick;
    await group.tick(150);
  }
  if (done()) return most;
  throw new Error(`not after ${most} ticks: ${what}\n${describeGroup()}`);
}

/** What a person would look at: the last tick's reasons, the tags, and what failed on the hosts. */
function describeGroup(): string {
  const failed = group.cloud
    .commands()
    .flatMap(({ document, invocations }) =>
      invocations.flatMap(({ steps }) => steps.map((step) => ({ document, ...step }))),
    )
    .filter(({ status }) => status === 'Failed')
    .slice(-3);
  return [
    ...group.lastLog().map(({ message }) => message),
    ...hosts.map(({ id, state, tags }) => JSON.stringify({ id, state, tags })),
    ...failed.map((step) => JSON.stringify(step)),
  ].join('\n');
}

const isWhole = () =>
  primaries().length === 1 &&
  hosts
    .filter(({ id, state }) => id !== primaries()[0]?.id && state !== 'terminated')
    .every(({ tags }) => tags['hostsync:state'] === 'in-sync' && tags['hostsync:trouble'] === undefined);

/** Everything that was uploaded before is on every secondary, and was reported so. */
async function wholeGroup(): Promise<LocalInstance> {
  await tickUntil('the group is whole', isWhole);
  await group.tick();
  await group.tick();
  subjects();
  eventTypes();
  return primary();
}

async function expectAllEqual(): Promise<void> {
  const expected = await readTree(primary().host, uploads);
  for (const host of hosts) {
    if (host.id === primary().id || host.state === 'terminated') continue;
    expect(compareTrees(expected, await readTree(host.host, uploads)), host.id).toEqual([]);
  }
}

/** No two hosts ever held one epoch: the register has each once, and the primary's is the newest. */
function expectOnePrimary(): void {
  expect(primaries().length).toBe(1);
  const claims = group.cloud
    .parameters(({ name }) => name.startsWith('/hostsync/web/epochs/'))
    .map(({ name, value }) => ({ epoch: Number(name.split('/').at(-1)), holder: JSON.parse(value).holder }));
  const newest = claims.sort((a, b) => b.epoch - a.epoch)[0];
  expect(newest).toEqual({ epoch: epoch(primary()), holder: primary().id });
}

interface Row {
  /** Ticks until another host is the primary, at most. */
  readonly within?: number;
  readonly kind?: 'failover' | 'switchover';
  /** It comes back with what only it held; else it is gone for good. */
  readonly comeBack?: (old: LocalInstance) => Promise<unknown>;
  /** Files are uploaded to it that no push carries over any more. */
  readonly strands?: boolean;
  readonly alerts?: readonly (string | RegExp)[];
}

/** Fails the primary, sees another take over and everything converge, lets it come back, sees everything rescued. */
async function failOver(fail: (old: LocalInstance) => Promise<unknown>, options: Row = {}): Promise<void> {
  const { within = 3, kind = 'failover', comeBack, strands = comeBack !== undefined } = options;
  const old = await wholeGroup();
  const before = epoch(old);
  await wwwData(old, `echo synced > synced-${row}; echo first > both-${row}; mkdir -p deep-${row}/er`);
  await group.tick();
  const reported = await readTree(old.host, uploads);
  if (strands)
    await wwwData(
      old,
      `echo only here > stranded-${row}; echo only > 'deep-${row}/er/strange  name'; echo old edit > both-${row}`,
    );
  await fail(old);
  await tickUntil('another primary', () => isReplaced(old), within);
  const now = primary();
  expect(epoch(now)).toBeGreaterThan(before);
  expectOnePrimary();
  // Nothing that was reported as synced is lost
  const there = await readTree(now.host, uploads);
  for (const name of reported.keys()) expect([...there.keys()], name).toContain(name);
  await wwwData(now, `echo after > after-${row}; echo new edit > both-${row}`);
  const others = hosts.filter(({ id, state }) => id !== old.id && id !== now.id && state === 'running');
  await tickUntil('the others follow', () =>
    others.every(
      ({ tags, host }) =>
        host.frozen ||
        tags['hostsync:gathered'] === String(epoch(now)) ||
        tags['hostsync:state'] !== 'in-sync',
    ),
  );
  await group.tick();
  const promoted = subjects();
  expect(promoted.filter((subject) => subject.endsWith(`is the primary now (${kind})`))).toEqual([
    `${now.id} is the primary now (${kind})`,
  ]);
  if (comeBack === undefined) return;
  await comeBack(old);
  await tickUntil('it is a secondary', () => old.tags['hostsync:state'] === 'in-sync', 16);
  expectOnePrimary();
  expect(primary().id).toBe(now.id);
  expect(await content(now, `both-${row}`)).toBe('new edit\n');
  if (strands) {
    expect(await content(now, `stranded-${row}`)).toBe('only here\n');
    expect(await content(now, `deep-${row}/er/strange\\ \\ name`)).toBe('only\n');
    expect(await must(now, `cat ${uploads}/both-${row}.from-${old.id}-*`)).toBe('old edit\n');
    expect(subjects().filter((subject) => subject.includes('were rescued')).length).toBe(1);
  }
  await group.tick();
  await group.tick();
  await expectAllEqual();
}

describe('the primary fails', () => {
  it('stopped', async () => {
    await failOver((old) => old.stop(), { comeBack: (old) => old.start() });
  });

  it('power cut', async () => {
    await failOver((old) => old.crash(), { within: 6, comeBack: (old) => old.reboot() });
  });

  it('hung kernel: it wakes up later, believes that it is the primary, and can write nowhere', async () => {
    await failOver((old) => old.freeze(), { within: 6, comeBack: (old) => old.thaw() });
  });

  it('cut off from the network, and alive: it comes back with what was uploaded to it meanwhile', async () => {
    await failOver((old) => old.cutOff(), { within: 6, comeBack: (old) => old.heal() });
  });

  it('tags moved by hand: they are adopted, with a new epoch and new keys', async () => {
    const old = await wholeGroup();
    const [other] = hosts.filter(({ id }) => id !== old.id);
    if (other === undefined) throw new Error('fixture');
    const directories = old.tags['hostsync:directories'] ?? '';
    old.deleteTags('hostsync:primary');
    other.setTags({ 'hostsync:primary': '1', 'hostsync:directories': directories });
    await group.tick();
    expect(primary().id).toBe(other.id);
    expectOnePrimary();
    await tickUntil('whole again', isWhole);
    await expectAllEqual();
  });

  it('planned, by the tag hostsync:switchover: nothing at all is lost', async () => {
    await failOver(
      async (old) => {
        await wwwData(old, `echo last > last-${row}`);
        old.setTags({ 'hostsync:switchover': 'any' });
      },
      { kind: 'switchover', comeBack: async () => {}, strands: false },
    );
    expect(await content(primary(), `last-${row}`)).toBe('last\n');
  });

  it('a spot interruption: the warning is used for a switchover', async () => {
    let interruption: { readonly ended: Promise<unknown> } | undefined;
    await failOver(
      async (old) => {
        await wwwData(old, `echo last > last-${row}`);
        interruption = await old.spotInterruption({ seconds: 25, action: 'stop' });
      },
      {
        ...{ kind: 'switchover', strands: false },
        comeBack: async (old) => {
          await interruption?.ended;
          await old.start();
        },
      },
    );
    expect(await content(primary(), `last-${row}`)).toBe('last\n');
  });

  it('the network is cut between the primary and Systems Manager alone: it is not replaced, and that is told', async () => {
    const old = await wholeGroup();
    await old.agentOffline();
    for (let tick = 0; tick < 4; tick += 1) await group.tick(150);
    expect(primary().id).toBe(old.id);
    expect(subjects().join()).toMatch(/is not available|may be dead|the push failed/u);
    await old.agentOnline();
    await tickUntil('well again', isWhole);
    await group.tick();
    expect(primary().id).toBe(old.id);
  });

  it('a reboot: it is not replaced', async () => {
    const old = await wholeGroup();
    await old.reboot();
    for (let tick = 0; tick < 3; tick += 1) await group.tick(150);
    expect(primary().id).toBe(old.id);
    await tickUntil('well again', isWhole);
  });

  it('a full disk on the primary: nobody is replaced, nothing is lost, and it goes on by itself', async () => {
    const old = await wholeGroup();
    await wwwData(old, `echo before > before-${row}`);
    await old.fillDisk();
    await group.tick(150);
    await group.tick(150);
    expect(primary().id).toBe(old.id);
    await old.freeDisk();
    await wwwData(old, `echo later > later-${row}`);
    await tickUntil('well again', isWhole);
    await group.tick();
    await expectAllEqual();
    expect(primary().id).toBe(old.id);
  });

  it('two failures in a row: the second before anything of the first is mended', async () => {
    const first = await wholeGroup();
    await wwwData(first, `echo synced > synced-${row}`);
    await group.tick();
    await wwwData(first, `echo first > stranded-first-${row}`);
    await first.crash();
    await tickUntil('the second primary', () => isReplaced(first), 6);
    const second = primary();
    await wwwData(second, `echo second > stranded-second-${row}`);
    await second.stop();
    await tickUntil('the third primary', () => isReplaced(second), 6);
    const third = primary();
    expect([first.id, second.id]).not.toContain(third.id);
    expect(await content(third, `synced-${row}`)).toBe('synced\n');
    await second.start();
    await first.reboot();
    await tickUntil('whole again', isWhole, 20);
    expectOnePrimary();
    expect(await content(third, `stranded-first-${row}`)).toBe('first\n');
    expect(await content(third, `stranded-second-${row}`)).toBe('second\n');
    await group.tick();
    await expectAllEqual();
  });

  it('a zone is lost: the primary and half of the secondaries', async () => {
    const old = await wholeGroup();
    await wwwData(old, `echo synced > synced-${row}`);
    await group.tick();
    await wwwData(old, `echo only > stranded-${row}`);
    const outage = await group.cloud.zoneOutage(old.availabilityZone);
    await tickUntil('a primary in the other zone', () => isReplaced(old), 6);
    expect(primary().availabilityZone).not.toBe(old.availabilityZone);
    await wwwData(primary(), `echo after > after-${row}`);
    await group.tick();
    await outage.heal();
    await tickUntil('whole again', isWhole, 20);
    expectOnePrimary();
    expect(await content(primary(), `stranded-${row}`)).toBe('only\n');
    await group.tick();
    await expectAllEqual();
  });
});

describe('AWS at its worst', () => {
  it('every event is lost: the ticks do it', async () => {
    const fault = group.cloud.faults.dropEvents(() => true, Infinity);
    try {
      const old = await wholeGroup();
      await old.stop();
      await tickUntil('another primary', () => isReplaced(old), 4);
      await old.start();
      await tickUntil('whole again', isWhole, 20);
      await expectAllEqual();
    } finally {
      fault.remove();
    }
  });

  it('every event comes twice and in any order, and EC2 shows old tags', async () => {
    const faults = [
      group.cloud.faults.doubleEvents(() => true, Infinity),
      group.cloud.faults.reorderEvents(({ source }) => source === 'aws.ec2' || source === 'aws.tag', 6),
    ];
    group.cloud.faults.staleTags({ seconds: 2 });
    try {
      await failOver((old) => old.stop(), { comeBack: (old) => old.start() });
    } finally {
      for (const fault of faults) fault.remove();
      group.cloud.faults.staleTags({ seconds: 0 });
    }
  });

  it.each([1, 3, 5, 8, 12])('the functions are killed after call %i of the promotion', async (call) => {
    await failOver(
      async (old) => {
        armed.push(group.cloud.faults.killFunctionAtCall('PrimaryDashfailureLambdaFunction', call));
        armed.push(group.cloud.faults.killFunctionAtCall('SyncLambdaFunction', call + 4));
        await old.stop();
      },
      { within: 6, comeBack: (old) => old.start() },
    );
  });

  it.each(['ssm:PutParameter', 'ssm:SendCommand', 'ec2:CreateTags', 'ec2:DeleteTags', 'events:PutEvents'])(
    'killed right after its first %s',
    async (call) => {
      await failOver(
        async (old) => {
          for (const each of ['PrimaryDashfailureLambdaFunction', 'SyncLambdaFunction'])
            armed.push(group.cloud.faults.killFunctionAfter(each, { call }));
          await old.stop();
        },
        { within: 6, comeBack: (old) => old.start() },
      );
    },
  );
});

describe('what points at the primary', () => {
  it('a name and a target group follow it, and are put right again at every tick', async () => {
    const old = await wholeGroup();
    const editors = group.cloud.createTargetGroup({ name: 'editors', tags: { 'hostsync:group': 'web' } });
    old.setTags({ 'hostsync:target-group': editors.arn });
    await group.tick();
    expect(editors.targets().map(({ instanceId }) => instanceId)).toEqual([old.id]);
    await failOver((each) => each.stop(), { comeBack: (each) => each.start() });
    await group.tick();
    const inService = editors.targets().filter(({ state }) => state !== 'draining');
    expect(inService.map(({ instanceId }) => instanceId)).toEqual([primary().id]);
  });
});

describe('no failover', () => {
  it('without a candidate: it is told once, with what stands in the way of each and the command that overrides', async () => {
    const old = await wholeGroup();
    for (const host of hosts) if (host.id !== old.id) host.setTags({ 'hostsync:promote': 'never' });
    // Runs at the same time tell it as one if they are in the same minute
    while (new Date().getUTCSeconds() > 45) await sleep(500);
    await old.stop();
    for (let tick = 0; tick < 3; tick += 1) await group.tick();
    expect(primary().id).toBe(old.id);
    const told = group.cloud
      .messages()
      .slice(seenMessages)
      .filter(({ subject }) => subject?.includes('is not replaced'));
    expect(told.length).toBe(1);
    expect(told[0]?.message).toContain('its tag hostsync:promote says never');
    expect(told[0]?.message).toContain('aws ec2 create-tags --resources');
    await old.start();
    for (const host of hosts) host.deleteTags('hostsync:promote');
    await tickUntil('well again', isWhole);
  });

  it('while the group is paused: it is told', async () => {
    const old = await wholeGroup();
    old.setTags({ 'hostsync:paused': 'moving house' });
    await old.stop();
    for (let tick = 0; tick < 3; tick += 1) await group.tick();
    expect(primary().id).toBe(old.id);
    expect(subjects().join()).toContain('the group is paused');
    await old.start();
    old.deleteTags('hostsync:paused');
    await tickUntil('well again', isWhole);
  });
});

describe('the end', () => {
  it('terminated: its tags are gone with it, their mirror is used', async () => {
    await failOver((old) => old.terminate(), {});
    const replacement = await group.cloud.launch({
      name: `replacement-${row}`,
      tags: { 'hostsync:group': 'web' },
      prepare: (instance) => must(instance, `install -d -o www-data -g www-data ${uploads}`),
    });
    hosts = [...hosts.filter(({ state }) => state !== 'terminated'), replacement];
    await tickUntil('whole again', isWhole);
    await expectAllEqual();
  });
});
