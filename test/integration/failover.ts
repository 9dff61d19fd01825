import { setTimeout as sleep } from 'node:timers/promises';
import type { LocalInstance } from 'local-cloud';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { parseDomainEvent } from '../../shared/edge/domain-event-schema.ts';
import { readTree } from '../../tour/tree.ts';
import { eventuallySame, must, startGroup, type TestGroup, uploads } from './group.ts';

/** The rows of docs/failures.md, a group for each file. Every one of them leaves the group whole, for the next. */
export let group: TestGroup;
/** All hosts of the group; who of them is the primary changes. */
export let hosts: readonly LocalInstance[];
/** Kills that no call has set off yet: they would strike in a later row. */
export const armed: { remove(): void }[] = [];
/** Counts the rows, so that each has files of its own. */
export let row = 0;
let seenMessages = 0;
let seenEvents = 0;

/** Starts the group of a file, and ends it. */
export function useGroup(environment: Readonly<Record<string, string>> = {}): void {
  beforeAll(async () => {
    group = await startGroup({
      secondaries: 3,
      timeScale: 20,
      zones: ['a', 'b', 'a', 'b'],
      spot: true,
      environment: { HOSTSYNC_COOL_DOWN: '0', ...environment },
    });
    hosts = [group.primary, ...group.secondaries];
  });
  afterAll(() => group?.close());

  afterEach(() => {
    for (const fault of armed.splice(0)) fault.remove();
  });
  beforeEach(() => {
    row += 1;
  });
}

/** In place of one that was terminated. */
export function addHost(host: LocalInstance): void {
  hosts = [...hosts.filter(({ state }) => state !== 'terminated'), host];
}

/** Messages that no call of subjects() has given yet. */
export function newMessages() {
  return group.cloud.messages().slice(seenMessages);
}

const primaries = () =>
  hosts.filter(({ tags, state }) => tags['hostsync:primary'] !== undefined && state !== 'terminated');
const epoch = ({ tags }: LocalInstance) => Number(tags['hostsync:primary'] ?? 0);
export const wwwData = (instance: LocalInstance, command: string) =>
  must(instance, `cd ${uploads} && sudo -u www-data bash -c ${JSON.stringify(command)}`);
export const content = (instance: LocalInstance, name: string) => must(instance, `cat ${uploads}/${name}`);

export function primary(): LocalInstance {
  const found = primaries().sort((a, b) => epoch(b) - epoch(a))[0];
  if (found === undefined) throw new Error('no primary');
  return found;
}

/** Another one is the primary, and the only one. */
export function isReplaced(old: LocalInstance): boolean {
  const [only, ...more] = primaries();
  return only !== undefined && only.id !== old.id && more.length === 0;
}

export function subjects(): readonly string[] {
  const found = newMessages();
  seenMessages += found.length;
  return found.map(({ subject }) => (subject ?? '').replace(/^hostsync web: /u, ''));
}

function eventTypes(): readonly string[] {
  const all = group.cloud.events().filter(({ event }) => event.source === 'hostsync');
  const fresh = all.slice(seenEvents);
  seenEvents = all.length;
  return fresh.map(({ event }) => parseDomainEvent(event).type);
}

/** The hosts but these. */
export const hostsBut = (...excluded: readonly LocalInstance[]) =>
  hosts.filter(({ id }) => excluded.every((host) => host.id !== id));

const isWhole = () =>
  primaries().length === 1 &&
  hostsBut(primary())
    .filter(({ state }) => state !== 'terminated')
    .every(({ tags }) => tags['hostsync:state'] === 'in-sync');

/** Ticks until there is one primary and every other host is in sync. */
export async function wholeAgain(most?: number): Promise<void> {
  await group.tickUntil('the group is whole', isWhole, most);
}

/** Everything that was uploaded before is on every secondary, and was reported so. */
export async function wholeGroup(): Promise<LocalInstance> {
  await wholeAgain();
  await group.ticks(2);
  subjects();
  eventTypes();
  return primary();
}

export async function expectAllEqual(): Promise<void> {
  for (const host of hostsBut(primary())) {
    if (host.state === 'terminated') continue;
    expect(await eventuallySame(primary().host, host.host, uploads), host.id).toEqual([]);
  }
}

/** There is one primary, and it holds the newest epoch that was claimed. */
export async function expectOnePrimary(): Promise<void> {
  expect(primaries().length).toBe(1);
  const items = await group.cloud.table('Memory').items();
  const head = items.find(({ pk, sk }) => pk?.['S'] === 'group#web' && sk?.['S'] === 'head');
  expect(head).toMatchObject({
    claim: { M: { epoch: { N: String(epoch(primary())) }, holder: { S: primary().id } } },
  });
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
export async function failOver(
  fail: (old: LocalInstance) => Promise<unknown>,
  options: Row = {},
): Promise<void> {
  const { within = 3, kind = 'failover', comeBack, strands = comeBack !== undefined } = options;
  const old = await wholeGroup();
  const before = epoch(old);
  await wwwData(
    old,
    `echo synced > synced-${row}; echo first > both-${row}; mkdir -p deep-${row}/er; touch doomed-${row}-{1,2} deep-${row}/doomed`,
  );
  await group.tick();
  // A file that changed less than two seconds before the scan counts as only here (docs/host-package.md)
  await sleep(2100);
  await group.tick();
  const reported = await readTree(old.host, uploads);
  if (strands)
    await wwwData(
      old,
      `echo only here > stranded-${row}; echo only > 'deep-${row}/er/strange  name'; echo old edit > both-${row}`,
    );
  await fail(old);
  await group.tickUntil('another primary', () => isReplaced(old), within);
  const now = primary();
  expect(epoch(now)).toBeGreaterThan(before);
  await expectOnePrimary();
  // Nothing that was reported as synced is lost
  const there = await readTree(now.host, uploads);
  for (const name of reported.keys()) expect([...there.keys()], name).toContain(name);
  await wwwData(
    now,
    `echo after > after-${row}; echo new edit > both-${row}; rm doomed-${row}-* deep-${row}/doomed`,
  );
  const others = hostsBut(old, now).filter(({ state }) => state === 'running');
  await group.tickUntil('the others follow', () =>
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
  await group.tickUntil('it is a secondary', () => old.tags['hostsync:state'] === 'in-sync', 16);
  await expectOnePrimary();
  expect(primary().id).toBe(now.id);
  expect(await content(now, `both-${row}`)).toBe('new edit\n');
  if (strands) {
    expect(await content(now, `stranded-${row}`)).toBe('only here\n');
    expect(await content(now, `deep-${row}/er/strange\\ \\ name`)).toBe('only\n');
    expect(await must(now, `cat /var/lib/hostsync/rescued/*-${old.id}${uploads}/both-${row}`)).toBe(
      'old edit\n',
    );
    expect(subjects().filter((subject) => subject.includes('were rescued')).length).toBe(1);
  }
  await group.ticks(2);
  await expectAllEqual();
  // What was deleted meanwhile does not come back with the host that still has it
  expect([...(await readTree(now.host, uploads)).keys()].filter((name) => name.includes('doomed'))).toEqual(
    [],
  );
}

interface Trial {
  /** So many pass before it is mended. */
  readonly ticks?: number;
  /** While it lasts. */
  readonly meanwhile?: (old: LocalInstance) => Promise<unknown>;
  readonly mend?: (old: LocalInstance) => Promise<unknown>;
}

/** Something befalls the primary, and nobody takes its place: not while it lasts, and not when it is mended. */
export async function expectNotReplaced(
  befall: (old: LocalInstance) => Promise<unknown>,
  { ticks = 3, meanwhile, mend }: Trial,
): Promise<void> {
  const old = await wholeGroup();
  await befall(old);
  await group.ticks(ticks);
  expect(primary().id).toBe(old.id);
  await meanwhile?.(old);
  await mend?.(old);
  await wholeAgain();
  await group.tick();
  await expectAllEqual();
  expect(primary().id).toBe(old.id);
}
