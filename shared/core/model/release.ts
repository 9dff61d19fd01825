import type { ObservedCommand, ObservedInstance, ObservedPush, PromotionObservation } from './observation.ts';
import { findPrimary } from './primary.ts';
import { tagKeys } from './tag-keys.ts';
import { parseTask } from './task.ts';

/** A host's word that it has not the release of the package that a document runs. That is an answer, and nobody's failure. */
const otherRelease = 'other-release';

/** By host: the release of the stage's package that it took, as `0.2.0-0123456789abcdef`. */
export type InstalledReleases = ReadonlyMap<string, string>;

export function lacksRelease({ lines }: Pick<ObservedCommand, 'lines'>): boolean {
  return lines.some((line) => line.kind === 'error' && line.error === otherRelease);
}

/** Where the package is to be installed, and what is then asked for again. */
export interface InstallPlan {
  /** Hosts that are installed together; a wave follows when the one before has ended. Secondaries come before their primary. */
  readonly waves: readonly (readonly string[])[];
  /** By the instance whose task it is: the host that could not do it. */
  readonly tasks: ReadonlyMap<string, string>;
  /** The primary whose push was not made. */
  readonly unpushed?: string;
  readonly reason: string;
}

/**
 * Which hosts of a group lack the release, by what commands and pushes have answered. A primary that has none shows that the service was
 * deployed: then every host that can be reached gets it at once, so that no promotion has to wait for it.
 *
 * @param pushes the primary's, of late
 * @returns undefined where nobody lacks it
 */
export function planInstall(
  { instances, agents, commands, reachability }: PromotionObservation,
  pushes: readonly ObservedPush[],
): InstallPlan | undefined {
  const refused = commands.filter(lacksRelease);
  const primary = findPrimary(instances).current;
  const newest = pushes.toSorted((one, other) => other.requestedAt - one.requestedAt)[0];
  const isDeployed = primary !== undefined && newest?.instance === primary.id && lacksRelease(newest);
  const lacking = new Set([
    ...refused.map(({ instance }) => instance),
    ...reachability.flatMap(({ withoutRelease = [] }) => withoutRelease),
  ]);
  if (isDeployed) {
    const online = new Set(agents.flatMap((agent) => (agent.online ? [agent.id] : [])));
    for (const { id, state } of instances) if (state === 'running' && online.has(id)) lacking.add(id);
  }
  if (lacking.size === 0) return undefined;
  const others = [...lacking].filter((id) => id !== primary?.id);
  const last = primary !== undefined && lacking.has(primary.id) ? [primary.id] : [];
  const waves = [others, last].filter((wave) => wave.length > 0);
  const reason = `${[...lacking].join(' ')} lack the release of the host package`;
  return { waves, tasks: tasksOf(instances, commands), ...(isDeployed && { unpushed: primary.id }), reason };
}

/** A join runs on the hosts themselves; what sends or fetches files runs on the primary, perhaps for many. */
function tasksOf(
  instances: readonly ObservedInstance[],
  commands: readonly ObservedCommand[],
): ReadonlyMap<string, string> {
  const tasks = new Map<string, string>();
  for (const { id, tags } of instances) {
    const task = parseTask(tags[tagKeys.task]);
    const ran = commands.filter(({ command }) => command === task?.command);
    const answer = ran.find(({ instance }) => instance === id) ?? ran[0];
    if (answer !== undefined && lacksRelease(answer)) tasks.set(id, answer.instance);
  }
  return tasks;
}
