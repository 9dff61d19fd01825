import { isInhibited } from '../incidents/rules.ts';
import { domainEvent } from '../model/domain-event.ts';
import type { ObservedInstance, ObservedPush } from '../model/observation.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { secondsBetween } from '../model/time.ts';
import type { NoPushCode, PushAction } from '../push/push-action.ts';
import type { GroupEvidence } from './group-evidence.ts';

/** What a tick found out about a group that is not paused. */
export interface TickView {
  readonly group: string;
  readonly members: readonly ObservedInstance[];
  readonly primary: ObservedInstance | undefined;
  readonly pushes: readonly ObservedPush[];
  /** What was planned for this group. */
  readonly plan: readonly PushAction[];
  /** Codes of the incidents of its promotions that are raised. */
  readonly raised: readonly string[];
  /** Seconds. */
  readonly overrunAfter: number;
  /** How long a push watches at most, in seconds. */
  readonly lease: number;
  readonly now: number;
}

/**
 * Every kind of incident that a tick can see, raised or not. What planPush did not come to, because something else stopped
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
    ...(primary !== undefined && seesPrimary ? unavailableEvidence(view, primary.id) : []),
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
      code: 'no-primary',
      raised: none !== undefined,
      at,
      reason: none ?? 'it has a primary',
      event: (detail, key) => domainEvent('No Primary', group, [...key], { ...detail, instances }),
    },
    {
      code: 'several-primaries',
      raised: several !== undefined,
      at,
      cause: [...primaries].sort().join(' '),
      reason: several ?? 'it has no second primary',
      event: (detail, key) =>
        domainEvent('Several Primaries', group, [...key], {
          ...detail,
          primaries: [...primaries].sort(),
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
    code: 'configuration-invalid',
    raised: wrong.length > 0,
    at,
    reason: message,
    // Counts change while the cause stays
    cause: message.replaceAll(/\b\d+\b/gu, '#'),
    event: (detail, key) =>
      domainEvent('Configuration Invalid', group, [...key], {
        ...detail,
        message,
      }),
  };
}

/** Nothing while the alert on its replacement says the same. */
function unavailableEvidence(view: TickView, primary: string): readonly GroupEvidence[] {
  const { group, now: at } = view;
  const found = blockedBy(view, 'primary-not-running', 'primary-not-online');
  if (found !== undefined && isInhibited('primary-unavailable', view.raised)) return [];
  const message = found ?? 'the primary is up';
  const evidence: GroupEvidence = {
    code: 'primary-unavailable',
    raised: found !== undefined,
    at,
    reason: message,
    cause: message,
    event: (detail, key) =>
      domainEvent('Primary Unavailable', group, [primary, ...key], {
        ...detail,
        primary,
        message,
      }),
  };
  return [evidence];
}

function overrunEvidence(view: TickView, primary: string): GroupEvidence {
  const { group, pushes, overrunAfter, lease, now } = view;
  const slow = pushes.find(({ instance, status, requestedAt, watches }) => {
    const most = watches === true ? Math.max(lease, overrunAfter) : overrunAfter;
    return instance === primary && status === 'under-way' && now - requestedAt >= most * 1000;
  });
  const began = slow?.requestedAt ?? now;
  return {
    code: 'push-overrun',
    raised: slow !== undefined,
    at: began,
    reason: slow === undefined ? 'no push is slow' : `the push ${slow.command} still runs`,
    event: (detail, key) =>
      domainEvent('Push Overrun', group, [primary, ...key], {
        ...detail,
        primary,
        command: slow?.command ?? '',
        seconds: secondsBetween(began, now),
      }),
  };
}
