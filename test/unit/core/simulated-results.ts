import type { DomainEvent } from '../../../shared/core/model/domain-event.ts';
import { placeOf } from '../../../shared/core/model/notes.ts';
import type { ObservedInstance, ObservedPush } from '../../../shared/core/model/observation.ts';
import type { SecondaryLine } from '../../../shared/core/model/script-line.ts';
import { planPush } from '../../../shared/core/push/plan-push.ts';
import type { PushAction } from '../../../shared/core/push/push-action.ts';
import type { OutcomeAction } from '../../../shared/core/results/outcome-action.ts';
import type { OutcomeSettings } from '../../../shared/core/results/outcome-view.ts';
import { recordOutcome } from '../../../shared/core/results/record-outcome.ts';
import { agent, instance, instanceId, primaryTags, secondaryTags } from './fixtures.ts';

/** Where the time of a simulation begins: a whole minute. */
export const start = Date.parse('2026-11-22T10:00:00.000Z');

export const settings: OutcomeSettings = {
  remindAfter: 21_600,
  groupWait: 0,
  groupInterval: 0,
  behindAfter: 300,
  overrunAfter: 60,
  tickSeconds: 60,
};

const minute = 60_000;

/** How a push went for one host: `ok`, or the word for its error. */
export type Went =
  | ('ok' | 'unreachable' | 'partial' | 'busy' | 'directory-skipped' | 'disk-full')
  | ('key-refused' | 'not-prepared');

/** A line of push on one secondary; a push that sent something to it has a number of files. */
export function line(id: string, went: Went = 'ok', at = start, files = 0): SecondaryLine {
  const started = at / 1000 + 1.5;
  const counts = { started, files, deleted: 0, bytes: files * 100, seconds: 0.5 };
  return went === 'ok'
    ? { kind: 'secondary', id, ok: true, ...counts }
    : { kind: 'secondary', id, ok: false, error: went, message: `it is ${went}`, ...counts };
}

/** A push that finished. */
export function push(lines: readonly SecondaryLine[], at = start): ObservedPush {
  const ok = lines.every((each) => each.ok || each.error === 'busy');
  const skipped = lines.some(({ error }) => error === 'directory-skipped');
  return {
    command: `c-${at}`,
    instance: instanceId(1),
    requestedAt: at,
    exitCode: ok ? 0 : skipped ? 11 : 10,
    status: ok ? 'succeeded' : 'failed',
    detail: ok ? 'Success' : 'Failed',
    lines: [
      ...(skipped
        ? [
            {
              kind: 'directory',
              directory: '/srv/uploads',
              error: 'missing',
              message: 'is not there',
            } as const,
          ]
        : []),
      ...lines,
      { kind: 'push', ok, started: at / 1000 + 1.5, seconds: 2 },
    ],
  };
}

/** A push that did not finish, as SSM words it, with what it said until then. */
export function broken(detail: string, lines: readonly SecondaryLine[] = [], at = start): ObservedPush {
  return { ...push(lines, at), lines, status: 'failed', detail, exitCode: undefined };
}

/** A group's tags, and what people were told: enough of AWS to carry out what recordOutcome asks for. */
export class SimulatedResults {
  now = start;
  readonly instances = new Map<string, { state: string; tags: Record<string, string> }>();
  readonly notifications: DomainEvent[] = [];
  /** The primary's agent is silent. */
  offline = false;

  /** A primary (1), `secondaries` instances (2, …) that were in sync a minute before the start, and hosts outside EC2. */
  constructor(secondaries: number, outside: readonly string[] = []) {
    const ids = Array.from({ length: secondaries }, (_, index) => instanceId(index + 2));
    const entries = [...ids, ...outside];
    const shards = Object.fromEntries(
      Array.from({ length: Math.ceil(entries.length / 10) }, (_, shard) => [
        shard === 0 ? 'hostsync:secondaries' : `hostsync:secondaries-${shard + 1}`,
        entries.slice(shard * 10, shard * 10 + 10).join(' '),
      ]),
    );
    const before = { 'hostsync:synced-at': new Date(start - minute).toISOString() };
    const { 'hostsync:secondaries': _none, ...tags } = primaryTags;
    this.instances.set(instanceId(1), {
      state: 'running',
      tags: { ...tags, ...shards, ...before },
    });
    for (const id of ids) this.instances.set(id, { state: 'running', tags: { ...secondaryTags, ...before } });
  }

  /** The tags of one instance, to look at or to change. */
  tags(number: number): Record<string, string> {
    const found = this.instances.get(instanceId(number));
    if (found === undefined) throw new Error(`no instance ${number}`);
    return found.tags;
  }

  observe(): readonly ObservedInstance[] {
    return [...this.instances].map(([id, { state, tags }]) => {
      return { ...instance(Number.parseInt(id.slice(2), 16), { ...tags }), state };
    });
  }

  plan(): readonly PushAction[] {
    const instances = this.observe();
    const numbers = instances.map(({ id }) => Number.parseInt(id.slice(2), 16));
    return planPush({ instances, agents: numbers.map((each) => agent(each, each > 1 || !this.offline)) });
  }

  /** What follows from these results, by event or, with what the tick sees, by tick. */
  actions(pushes: readonly ObservedPush[], tick = false): readonly OutcomeAction[] {
    const observed = { instances: this.observe(), pushes, ...(tick && { plan: this.plan() }) };
    return recordOutcome(observed, settings, this.now);
  }

  /** Results come in and are dealt with, by a run that is killed after so many actions. */
  record(pushes: readonly ObservedPush[], tick = false, actions = Number.POSITIVE_INFINITY): void {
    for (const action of this.actions(pushes, tick).slice(0, actions)) this.carryOut(action);
  }

  /** A tick, some minutes later. */
  tick(pushes: readonly ObservedPush[] = [], minutes = 1): void {
    this.now += minutes * minute;
    this.record(pushes, true);
  }

  carryOut(action: OutcomeAction): void {
    if (action.kind === 'tell') this.notifications.push(action.event);
    if (action.kind !== 'record') return;
    for (const [key, value] of Object.entries(action.set))
      if (placeOf(key) === 'tag' && value.length > 256) throw new Error(`EC2 refuses ${key}: ${value}`);
    for (const id of action.instances) {
      const found = this.instances.get(id);
      if (found === undefined) throw new Error(`EC2 knows no ${id}`);
      Object.assign(found.tags, action.set);
      for (const key of action.remove) delete found.tags[key];
    }
  }

  /** All tags of all instances. */
  allTags(): Readonly<Record<string, Readonly<Record<string, string>>>> {
    return Object.fromEntries([...this.instances].map(([id, { tags }]) => [id, { ...tags }]));
  }

  types(): readonly string[] {
    return this.notifications.map(({ type }) => type);
  }
}
