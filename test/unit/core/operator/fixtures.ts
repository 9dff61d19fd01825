import type {
  ObservedInstance,
  ObservedPush,
  PromotionObservation,
} from '../../../../shared/core/model/observation.ts';
import type { ScriptLine, SecondaryLine } from '../../../../shared/core/model/script-line.ts';
import type { GroupOverview, OverviewInput } from '../../../../shared/core/operator/overview.ts';
import { overviewGroup } from '../../../../shared/core/operator/overview-group.ts';
import { planPush } from '../../../../shared/core/push/plan-push.ts';
import { agent, instance, instanceId, primaryTags, secondaryTags } from '../fixtures.ts';

export const now = Date.UTC(2026, 10, 26, 14, 0, 0);
export const ago = (seconds: number): string => new Date(now - seconds * 1000).toISOString();

/** A primary and two secondaries that were in sync 20 s ago. */
export function members(): readonly ObservedInstance[] {
  return [
    instance(1, { ...primaryTags, Name: 'web-1' }),
    ...[2, 3].map((number) =>
      instance(number, { ...secondaryTags, Name: `web-${number}`, 'hostsync:synced-at': ago(20) }),
    ),
  ];
}

/** The same with other tags on one of them; undefined takes one away. */
export function changed(
  number: number,
  tags: Readonly<Record<string, string | undefined>>,
  state = 'running',
): readonly ObservedInstance[] {
  return members().map((member) => {
    if (member.id !== instanceId(number)) return member;
    const all = Object.entries({ ...member.tags, ...tags });
    return {
      ...member,
      state,
      tags: Object.fromEntries(all.flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]))),
    };
  });
}

export function observation(
  instances: readonly ObservedInstance[],
  agents = [1, 2, 3].map((number) => agent(number)),
): PromotionObservation {
  return {
    instances,
    agents,
    lifecycles: new Map(),
    commands: [],
    registers: new Map(),
    statuses: [],
    reachability: [],
  };
}

/** How a push to a secondary ended that had nothing to send. */
export const line = (number: number, ok = true): SecondaryLine => ({
  kind: 'secondary',
  id: instanceId(number),
  ok,
  started: 0,
  files: 0,
  deleted: 0,
  bytes: 0,
  seconds: 0,
  ...(!ok && { error: 'unreachable' }),
});

/** A push of the primary that ended ten seconds ago. */
export function push(lines: readonly ScriptLine[], more: Partial<ObservedPush> = {}): ObservedPush {
  return {
    command: 'c',
    instance: instanceId(1),
    status: 'succeeded',
    detail: 'Success',
    lines,
    requestedAt: now - 10_000,
    exitCode: 0,
    ...more,
  };
}

export function view(
  instances: readonly ObservedInstance[] = members(),
  more: Partial<OverviewInput> = {},
): GroupOverview {
  const observed = more.observed ?? observation(instances);
  return overviewGroup({
    group: 'web',
    observed,
    pushes: [],
    plan: planPush(observed),
    unread: [],
    now,
    settings: { behindAfter: 300, promoteWithin: 900, failover: 'auto' },
    ...more,
  });
}
