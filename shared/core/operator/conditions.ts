import type { GroupOverview } from './overview.ts';

/** What `hostsync wait` waits for. */
export type Condition =
  /** Every host has at least what the primary held at `since`, in milliseconds since 1970. */
  | { readonly kind: 'in-sync'; readonly since: number }
  | { readonly kind: 'promoted'; readonly host: string }
  | { readonly kind: 'joined'; readonly host: string };

/** Why a condition does not hold yet; undefined: it holds. */
export function conditionBlocker(condition: Condition, view: GroupOverview): string | undefined {
  switch (condition.kind) {
    case 'in-sync':
      return inSyncBlocker(condition.since, view);
    case 'promoted':
      return promotedBlocker(condition.host, view);
    case 'joined':
      return joinedBlocker(condition.host, view);
  }
}

function inSyncBlocker(
  since: number,
  { group, hosts, primary, paused, observed }: GroupOverview,
): string | undefined {
  if (primary === null) return `the group "${group}" has no primary`;
  if (observed) return 'the group is only observed';
  if (paused !== null) return `the group is paused: "${paused}"`;
  const others = hosts.filter(({ role }) => role !== 'primary');
  // Of a host outside EC2 no time is known: it is in sync when the last push to it did not fail
  const late = others.filter(
    ({ role, level, syncedAt }) => level !== 'in-sync' || (role !== 'external' && (syncedAt ?? 0) < since),
  );
  if (late.length === 0) return undefined;
  const names = late.slice(0, 5).map(({ name, id, state }) => `${name ?? id} (${state})`);
  const more = late.length > names.length ? ` and ${late.length - names.length} more` : '';
  return `${others.length - late.length} of ${others.length} in sync, not yet ${names.join(', ')}${more}`;
}

function promotedBlocker(host: string, { primary, hosts }: GroupOverview): string | undefined {
  if (primary !== host) return `the primary is ${primary ?? 'nobody'}`;
  const its = hosts.find(({ id }) => id === host);
  if (its?.task !== null && its?.task !== undefined)
    return `${host} is being made the primary (${its.task.step})`;
  return its?.level === 'in-sync' ? undefined : `${host} is the primary: ${its?.state ?? 'gone'}`;
}

function joinedBlocker(host: string, { hosts }: GroupOverview): string | undefined {
  const its = hosts.find(({ id }) => id === host);
  if (its === undefined) return `${host} is not in the group`;
  if (its.role === 'primary' || (its.role === 'secondary' && its.state === 'in sync')) return undefined;
  const step = its.task === null ? '' : `, ${its.task.step}`;
  return `${host} is ${its.state}${step}${its.error === null ? '' : `: ${its.error.code}`}`;
}
