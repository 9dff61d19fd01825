import { type DomainEvent, domainEvent, type GroupEventType, timestamp } from './domain-event.ts';
import type { ObservedInstance, ObservedPush, ScriptLine } from './observation.ts';
import type { NoPushCode, TickAction } from './plan-tick.ts';
import { tagKeys } from './tag-keys.ts';
import { secondsBetween } from './time.ts';
import type { Evidence } from './trouble.ts';

/** Milliseconds that a group has to look as if it had no primary, or several: tags are eventually consistent. */
const confirmAfter = 45_000;

/** One piece of evidence on the whole group, and how it is told. */
export interface GroupEvidence extends Evidence {
  readonly told: (since: number, reminder: number) => DomainEvent;
  readonly reason: string;
}

/** The event that tells of a trouble, by the code in the tag. */
export const groupEvents: Readonly<Record<string, GroupEventType>> = {
  'push-failed': 'Push Failed',
  'push-overrun': 'Push Overrun',
  'directory-not-pushed': 'Directory Not Pushed',
  'deletions-held': 'Deletions Held',
  'no-primary': 'No Primary',
  'several-primaries': 'Several Primaries',
  'primary-unavailable': 'Primary Unavailable',
  'configuration-invalid': 'Configuration Invalid',
};

/** What the evidence is about. */
export interface PushOf {
  readonly group: string;
  readonly primary: string;
}

// --- in the output of a push

/** Exit codes of a push that came to its end; its output may be too long to be kept. Source: docs/host-scripts.md. */
const regularEnds: ReadonlySet<number> = new Set([0, 10, 11]);

/** A push that did not come to its end. */
export function pushFailure(push: ObservedPush, at: number, { group, primary }: PushOf): GroupEvidence {
  const ended =
    push.lines.some(({ kind }) => kind === 'push') ||
    (push.exitCode !== undefined && regularEnds.has(push.exitCode));
  const said = push.lines.find((line) => line.kind === 'error');
  const error = said?.error ?? push.detail;
  const message = said?.message ?? describeEnd(push);
  return {
    ...{ code: 'push-failed', raised: !ended && push.status === 'failed', at },
    reason: ended ? 'the push came to its end' : `the push failed: ${error}: ${message}`,
    told: (since, reminder) =>
      domainEvent('Push Failed', group, [primary, since, reminder], {
        ...{ since: timestamp(since), reminder, primary, error, message },
      }),
  };
}

/**
 * What SSM's word for the end of a command means here. Source: SSM User Guide, "Understanding command statuses". The agent takes a script that
 * was killed for one whose time was up where the host's sh is dash, and for a failed one without an exit code where it is bash. What ran
 * when the host went down has failed with 1 after the restart.
 */
function describeEnd({ detail, instance, command, lines, exitCode }: ObservedPush): string {
  const many = lines.filter(({ kind }) => kind === 'secondary').length;
  const reported = many === 0 ? '' : `; ${many} secondaries were served before`;
  const byKernel = `by the kernel when memory ran out (journalctl -k on ${instance} tells)`;
  switch (detail) {
    case 'DeliveryTimedOut':
    case 'Undeliverable':
      return `the command ${command} did not reach ${instance}, or the host died during it${reported}`;
    case 'ExecutionTimedOut':
    case 'TimedOut':
      return `push.sh was killed: after an hour by the SSM agent, or before ${byKernel}${reported}`;
    case 'Failed':
      return exitCode === undefined
        ? `push.sh was killed, as ${byKernel}${reported}`
        : `push.sh ended with exit code ${exitCode} and without a result; the host may have restarted during it${reported}`;
    case 'Cancelled':
      return `somebody cancelled the command ${command}${reported}`;
    default:
      return `the command ${command} ended as ${detail} without a result${reported}`;
  }
}

export function unpushedDirectories(
  lines: readonly ScriptLine[],
  at: number,
  { group, primary }: PushOf,
): GroupEvidence {
  const directories = lines.flatMap((line) =>
    line.kind === 'directory'
      ? [{ directory: line.directory, error: line.error, message: line.message }]
      : [],
  );
  return {
    ...{ code: 'directory-not-pushed', raised: directories.length > 0, at },
    reason: directories.map(({ directory, message }) => `${directory} ${message}`).join('; '),
    told: (since, reminder) =>
      domainEvent('Directory Not Pushed', group, [primary, since, reminder], {
        ...{ since: timestamp(since), reminder, primary, directories },
      }),
  };
}

export function heldDeletions(
  lines: readonly ScriptLine[],
  at: number,
  { group, primary }: PushOf,
): GroupEvidence {
  const held = lines.find((line) => line.kind === 'deletions-held');
  return {
    ...{ code: 'deletions-held', raised: held !== undefined, at },
    reason: `${held?.count} of ${held?.total} entries would be deleted: ${held?.reason}`,
    told: (since, reminder) =>
      domainEvent('Deletions Held', group, [primary, since, reminder], {
        ...{ since: timestamp(since), reminder, primary, deletions: held?.id ?? '' },
        ...{ count: held?.count ?? 0, total: held?.total ?? 0, message: held?.reason ?? '' },
        examples: held?.examples ?? [],
      }),
  };
}

// --- in what a tick saw

/** What a tick found out about a group that is not paused. */
export interface TickView {
  readonly group: string;
  readonly members: readonly ObservedInstance[];
  readonly primary: ObservedInstance | undefined;
  readonly pushes: readonly ObservedPush[];
  /** What was planned for this group. */
  readonly plan: readonly TickAction[];
  /** Seconds. */
  readonly overrunAfter: number;
  readonly now: number;
}

/**
 * Every kind of trouble that a tick can see, raised or not. What planTick did not come to, because something else stopped
 * it before, is neither wrong nor well.
 */
export function tickEvidence(view: TickView): readonly GroupEvidence[] {
  const { primary } = view;
  const configuration = configurationEvidence(view);
  const seesTags =
    blockedBy(view, 'no-primary', 'several-primaries', 'primary-not-running', 'primary-not-online') ===
    undefined;
  const seesPrimary = blockedBy(view, 'bad-tags') === undefined;
  return [
    ...primaryEvidence(view),
    ...(configuration.raised || seesTags ? [configuration] : []),
    ...(primary !== undefined && seesPrimary ? [unavailableEvidence(view, primary.id)] : []),
    ...(primary !== undefined ? [overrunEvidence(view, primary.id)] : []),
  ];
}

function blockedBy({ plan }: TickView, ...codes: readonly NoPushCode[]): string | undefined {
  const found = plan.find((action) => action.kind === 'no-push' && codes.includes(action.code));
  return found?.reason;
}

function primaryEvidence(view: TickView): readonly GroupEvidence[] {
  const { group, members, now: at } = view;
  const instances = members.map(({ id }) => id).sort();
  const primaries = members.filter(({ tags }) => tags[tagKeys.primary] !== undefined).map(({ id }) => id);
  const none = blockedBy(view, 'no-primary');
  const several = blockedBy(view, 'several-primaries');
  return [
    {
      ...{
        code: 'no-primary',
        raised: none !== undefined,
        at,
        confirmAfter,
        reason: none ?? 'it has a primary',
      },
      told: (since, reminder) =>
        domainEvent('No Primary', group, [since, reminder], { since: timestamp(since), reminder, instances }),
    },
    {
      ...{ code: 'several-primaries', raised: several !== undefined, at, confirmAfter },
      reason: several ?? 'it has no second primary',
      told: (since, reminder) =>
        domainEvent('Several Primaries', group, [since, reminder], {
          ...{ since: timestamp(since), reminder, primaries: [...primaries].sort() },
        }),
    },
  ];
}

/** Tags that keep the group, or one of its secondaries, from being pushed until a person mends them. */
function configurationEvidence(view: TickView): GroupEvidence {
  const { group, plan, now: at } = view;
  const wrong = [
    ...[blockedBy(view, 'bad-tags', 'request-too-long') ?? []].flat(),
    ...plan.flatMap((action) =>
      action.kind === 'leave-out' && action.severity === 'error' ? [action.reason] : [],
    ),
  ];
  const message = wrong.join(' | ');
  return {
    ...{ code: 'configuration-invalid', raised: wrong.length > 0, at, reason: message },
    told: (since, reminder) =>
      domainEvent('Configuration Invalid', group, [since, reminder], {
        ...{ since: timestamp(since), reminder, message },
      }),
  };
}

function unavailableEvidence(view: TickView, primary: string): GroupEvidence {
  const { group, now: at } = view;
  const found = blockedBy(view, 'primary-not-running', 'primary-not-online');
  const message = found ?? 'the primary is up';
  return {
    ...{ code: 'primary-unavailable', raised: found !== undefined, at, reason: message },
    told: (since, reminder) =>
      domainEvent('Primary Unavailable', group, [primary, since, reminder], {
        ...{ since: timestamp(since), reminder, primary, message },
      }),
  };
}

function overrunEvidence(view: TickView, primary: string): GroupEvidence {
  const { group, pushes, overrunAfter, now } = view;
  const slow = pushes.find(
    ({ instance, status, requestedAt }) =>
      instance === primary && status === 'under-way' && now - requestedAt >= overrunAfter * 1000,
  );
  const began = slow?.requestedAt ?? now;
  return {
    ...{ code: 'push-overrun', raised: slow !== undefined, at: began },
    reason: slow === undefined ? 'no push is slow' : `the push ${slow.command} still runs`,
    told: (since, reminder) =>
      domainEvent('Push Overrun', group, [primary, since, reminder], {
        ...{ since: timestamp(since), reminder, primary, command: slow?.command ?? '' },
        seconds: secondsBetween(began, now),
      }),
  };
}
