import { describeIntention, type NotedIntention } from '../model/intention.ts';
import type { ObservedInstance } from '../model/observation.ts';
import type { Primaries } from '../model/primary.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { duration, secondsBetween } from '../model/time.ts';
import { pushFailure, unpushedDirectories } from '../results/group-evidence.ts';
import {
  type Attention,
  type HeldDeletions,
  type HostError,
  type HostOverview,
  type IncidentOverview,
  levels,
  type OverviewInput,
} from './overview.ts';

/** Of a group that is only observed: what would be done. */
export interface ModeView {
  readonly isObserved: boolean;
  readonly intentions: readonly NotedIntention[];
}

interface AttentionInput extends OverviewInput {
  readonly members: readonly ObservedInstance[];
  readonly primaries: Primaries;
  readonly hosts: readonly HostOverview[];
  readonly incidents: readonly IncidentOverview[];
  readonly held: HeldDeletions | null;
  readonly paused: string | null;
  readonly mode: ModeView;
}

/** What a person should know of a group, the worst first. Each thing says what to do. */
export function listAttention(input: AttentionInput): readonly Attention[] {
  const found = [
    ...ofPlan(input),
    ...ofHeld(input),
    ...ofPause(input),
    ...ofMode(input),
    ...ofIncidents(input),
    ...ofHosts(input),
    ...ofUnread(input),
  ];
  return found.sort((a, b) => levels.indexOf(b.level) - levels.indexOf(a.level));
}

/** Codes of the plan that say what is said of the group elsewhere. */
const saidElsewhere: ReadonlySet<string> = new Set(['paused', 'observed', 'no-secondary-ready']);

/** Why nothing is pushed. */
function ofPlan({ group, plan }: AttentionInput): readonly Attention[] {
  return plan.flatMap((action) => {
    if (action.kind !== 'no-push' || saidElsewhere.has(action.code)) return [];
    const { code, severity, reason } = action;
    return {
      ...({ level: severity === 'error' ? 'attention' : 'behind', host: null, code } as const),
      title: 'Nothing is pushed',
      message: `Nothing is pushed: ${reason}`,
      next: `hostsync doctor ${group}`,
    };
  });
}

function ofHeld({ group, held, now }: AttentionInput): readonly Attention[] {
  if (held === null) return [];
  const { id, count, total, reason, examples, since } = held;
  const what =
    count === null ? 'Deletions are held' : `${count} of ${total} entries would be deleted, and are held`;
  const long = since === null ? '' : `, for ${duration(secondsBetween(since, now))}`;
  const such = examples.length === 0 ? '' : `. Such as: ${examples.slice(0, 4).join(', ')}`;
  return [
    {
      level: 'attention',
      host: null,
      code: 'deletions-held',
      title: count === null ? 'Deletions are held' : `${count} deletions are held`,
      message: `${what}${long}: ${reason}${such}`,
      next: id === null ? `hostsync push ${group}` : `hostsync accept-deletions ${group} ${id}`,
    },
  ];
}

function ofPause({ group, paused }: AttentionInput): readonly Attention[] {
  if (paused === null) return [];
  return [
    {
      level: 'behind',
      host: null,
      code: 'paused',
      title: 'The group is paused',
      message: `The group is paused ("${paused}"): nothing is pushed, no host joins, and no host is promoted`,
      next: `hostsync resume ${group}`,
    },
  ];
}

function ofMode({ group, mode }: AttentionInput): readonly Attention[] {
  if (!mode.isObserved) return [];
  const attention = { level: 'behind', host: null } as const;
  return [
    {
      ...attention,
      code: 'observed',
      title: 'The group is only observed',
      message: `The group is only observed (${tagKeys.mode}): hostsync changes nothing. A host that a lifecycle hook holds is not let go`,
      next: `hostsync resume ${group}`,
    },
    ...mode.intentions.map((each) => ({
      ...attention,
      code: `would-${each.kind}`,
      title: `Would ${describeIntention(each)}`,
      message: `Would ${describeIntention(each)}`,
      next: null,
    })),
  ];
}

/** Shown by the plan or the held deletions, in more words. */
const shownOtherwise: ReadonlySet<string> = new Set([
  'deletions-held',
  'no-primary',
  'several-primaries',
  'primary-unavailable',
  'configuration-invalid',
]);

const sentences: Readonly<Record<string, string>> = {
  'push-failed': 'The last push failed',
  'push-overrun': 'A push takes longer than the time between two ticks',
  'directory-not-pushed': 'A directory is not pushed',
  'primary-suspected': 'The primary appears down',
  'promotion-blocked': 'A promotion is blocked: no host may become the primary',
  'writes-not-resumed': 'The primary may still refuse writes',
};

function ofIncidents(input: AttentionInput): readonly Attention[] {
  const { group, incidents, plan, now } = input;
  const isPlanned = plan.some((action) => action.kind === 'no-push' && !saidElsewhere.has(action.code));
  return incidents.flatMap(({ code, host, since, notified }) => {
    if (host !== null || (isPlanned && shownOtherwise.has(code)) || code === 'deletions-held') return [];
    const why = reasonOf(code, input);
    const what = sentences[code] ?? `Incident: ${code}`;
    return {
      ...({ level: notified ? 'attention' : 'behind', host: null, code } as const),
      title: what,
      message: `${what}, for ${duration(secondsBetween(since, now))}${why === undefined ? '' : `: ${why}`}`,
      next: `hostsync doctor ${group}`,
    };
  });
}

/** In the words of the newest push. */
function reasonOf(code: string, { pushes, primaries, group }: AttentionInput): string | undefined {
  const newest = pushes
    .filter(({ status }) => status !== 'under-way')
    .sort((a, b) => b.requestedAt - a.requestedAt)[0];
  if (newest === undefined) return undefined;
  const of = { group, primary: primaries.current?.id ?? newest.instance };
  if (code === 'push-failed') return pushFailure(newest, newest.requestedAt, of).reason;
  return code === 'directory-not-pushed'
    ? unpushedDirectories(newest.lines, newest.requestedAt, of).reason
    : undefined;
}

function ofHosts({ group, hosts, now }: AttentionInput): readonly Attention[] {
  return hosts.flatMap((host) => {
    const { id, level, state, error } = host;
    if (level === 'in-sync') return [];
    return {
      level,
      host: id,
      code: error?.code ?? state,
      title: `${host.name ?? id} ${predicateOf(state)}${error === null ? '' : `: ${error.code}`}`,
      message: describeHost(host, now),
      next: level === 'attention' ? `hostsync doctor ${group}` : null,
    };
  });
}

function describeHost({ id, name, role, state, secondsBehind, error }: HostOverview, now: number): string {
  const time = secondsBehind === null ? undefined : duration(secondsBehind);
  // "behind, 7 min behind" says it twice
  const how =
    time === undefined
      ? predicateOf(state)
      : state === 'behind'
        ? `is ${time} behind`
        : `${predicateOf(state)}, ${time} behind`;
  return `${name ?? id} (${role}) ${how}${describeError(error, now)}`;
}

function predicateOf(state: string): string {
  if (state === 'cannot join') return state;
  return state === 'agent offline' ? 'has its SSM agent offline' : `is ${state}`;
}

function describeError(error: HostError | null, now: number): string {
  if (error === null) return '';
  const message = error.message === undefined ? '' : `, ${error.message}`;
  const since = error.since >= now ? '' : ` (for ${duration(secondsBetween(error.since, now))})`;
  return `: ${error.code}${message}${since}`;
}

/** What is not known is not fine. */
function ofUnread({ group, unread }: AttentionInput): readonly Attention[] {
  return unread.map((what) => ({
    level: 'behind',
    host: null,
    code: 'unknown',
    title: 'Something could not be read',
    message: `Not known: ${what}`,
    next: `hostsync doctor ${group}`,
  }));
}
