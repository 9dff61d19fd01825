import { describeError } from '../shared/aws/errors.ts';
import { observePushes } from '../shared/aws/pushes.ts';
import type { ObservedPush, PromotionObservation } from '../shared/core/model/observation.ts';
import { findPrimary } from '../shared/core/model/primary.ts';
import type { InstalledReleases } from '../shared/core/model/release.ts';
import { tagKeys } from '../shared/core/model/tag-keys.ts';
import type { GroupOverview, HostOverview } from '../shared/core/operator/overview.ts';
import { overviewGroup } from '../shared/core/operator/overview-group.ts';
import { planPush } from '../shared/core/push/plan-push.ts';
import type { PushAction } from '../shared/core/push/push-action.ts';
import { type Fail, look } from '../shared/reconcile/observe.ts';
import { UsageError } from './errors.ts';
import type { Session } from './session.ts';

/** One look at a group, and what is made of it. */
export interface Seen {
  readonly observed: PromotionObservation;
  readonly pushes: readonly ObservedPush[];
  readonly plan: readonly PushAction[];
  readonly overview: GroupOverview;
}

/** Looks at a group as the functions do. What cannot be read is named in the overview; who is there has to be read, or nothing is known. */
export async function observe(session: Session, group: string): Promise<Seen> {
  const tools = session.tools(group);
  const unread: string[] = [];
  const fail: Fail = (what, error) => void unread.push(`${what} failed: ${describeError(error)}`);
  const observed = await look(group, tools, [], fail);
  const primary = findPrimary(observed.instances).current;
  const pushes = primary === undefined ? [] : await lastPushes(session, primary.id, fail);
  const plan = planPush(observed).filter(
    (action) => action.kind === 'nothing-to-do' || action.group === group,
  );
  const releases = await lastReleases(session, fail);
  const overview = overviewGroup({
    group,
    releases,
    observed,
    pushes,
    plan,
    unread,
    now: Date.now(),
    settings: tools.settings,
  });
  return { observed, pushes, plan, overview };
}

async function lastReleases(session: Session, fail: Fail): Promise<InstalledReleases | undefined> {
  try {
    return await session.releases();
  } catch (error) {
    fail('asking who has which release', error);
    return undefined;
  }
}

async function lastPushes(session: Session, instance: string, fail: Fail): Promise<readonly ObservedPush[]> {
  const { clients, documents } = session.tools('');
  try {
    return await observePushes(clients.ssm, {
      document: documents.push,
      instance,
      now: Date.now(),
      isKnown: () => false,
      fail: ({ command }, error) => fail(`reading the result of the push ${command}`, error),
    });
  } catch (error) {
    fail(`asking for the pushes of ${instance}`, error);
    return [];
  }
}

/** The host that is meant, by its id or its tag Name. @throws {UsageError} that names those there are */
export function hostOf({ hosts, group }: GroupOverview, given: string): HostOverview {
  const found = hosts.filter(({ id, name }) => id === given || name === given);
  const [host] = found;
  const all = hosts.map(({ id, name }) => (name === null ? id : `${name} (${id})`)).join(', ');
  if (host === undefined)
    throw new UsageError(`The group "${group}" has no host "${given}"`, `Hosts: ${all}.`);
  if (found.length > 1)
    throw new UsageError(`${found.length} hosts have the name "${given}"`, `Give the id. Hosts: ${all}.`);
  return host;
}

/** As people call it. */
export function labelOf({ id, name }: Pick<HostOverview, 'id' | 'name'>): string {
  return name ?? id;
}

/** The primary. @throws {UsageError} if there is none */
export function primaryOf(overview: GroupOverview): HostOverview {
  const primary = overview.hosts.find(({ role }) => role === 'primary');
  if (primary !== undefined) return primary;
  throw new UsageError(
    `The group "${overview.group}" has no primary: ${overview.verdict}`,
    `Set ${tagKeys.primary} on the host that is to be it: hostsync promote --force HOST ${overview.group}`,
  );
}
