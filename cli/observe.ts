import { observeInstances } from '../shared/aws/ec2.ts';
import { describeError } from '../shared/aws/errors.ts';
import { Marks } from '../shared/aws/marks.ts';
import { tagKeys } from '../shared/core/model/tag-keys.ts';
import type { GroupObservation } from '../shared/core/operator/group-observation.ts';
import type { GroupOverview, HostOverview } from '../shared/core/operator/overview.ts';
import { overviewGroup } from '../shared/core/operator/overview-group.ts';
import { look, lookAtPushes } from '../shared/reconcile/look.ts';
import type { Context } from './connect.ts';
import { exitCodes } from './exit-codes.ts';
import { Failure } from './failure.ts';
import { nearest } from './nearest.ts';

export interface Observed {
  readonly observation: GroupObservation;
  readonly overview: GroupOverview;
  /** What could not be read, in words: it is missing, and not known to be well. */
  readonly unread: readonly string[];
}

/** One look at a group, with the eyes of the service. It changes nothing. */
export async function observe(context: Context, group: string): Promise<Observed> {
  const { clients, table, pushDocument, settings } = context;
  const memory = { dynamoDb: clients.dynamoDb, table };
  const unread: string[] = [];
  const fail = (what: string, error: unknown): void => void unread.push(`${what}: ${describeError(error)}`);
  const tools = {
    clients,
    memory,
    marks: new Marks(clients, memory, group),
    documents: { push: pushDocument },
  };
  const observed = await look(group, tools, [], fail);
  const members = observed.instances.filter(({ tags }) => tags[tagKeys.group] === group);
  const pushes = await lookAtPushes(members, tools, fail);
  const observation = { group, observed, pushes, settings, now: Date.now() };
  return { observation, overview: overviewGroup(observation), unread };
}

/** The names of all groups, in order. */
export async function groupNames({ clients }: Context): Promise<readonly string[]> {
  const instances = await observeInstances(clients.ec2);
  const names = instances.flatMap(({ tags }) => tags[tagKeys.group] ?? []);
  return [...new Set(names)].sort();
}

/**
 * The group that is meant: the one that is named, or the only one there is.
 *
 * @throws {Failure} that names the groups there are
 */
export async function chooseGroup(context: Context, given: string | undefined): Promise<string> {
  const names = await groupNames(context);
  const [only] = names;
  if (given === undefined && only !== undefined && names.length === 1) return only;
  if (given !== undefined && names.includes(given)) return given;
  const { region } = context;
  if (names.length === 0)
    throw new Failure(`There is no group in ${region}: no instance carries the tag ${tagKeys.group}.`, {
      exitCode: exitCodes.usage,
      advice: ['Make one: hostsync init', 'Or see whether --region, --stage and --profile are right.'],
    });
  const here = `Groups here: ${names.join(', ')}`;
  if (given === undefined)
    throw new Failure('There are several groups: name one.', { exitCode: exitCodes.usage, advice: [here] });
  const meant = nearest(given, names);
  const hint = meant === undefined ? '' : ` Did you mean ${meant}?`;
  throw new Failure(`There is no group "${given}" in ${region}.${hint}`, {
    exitCode: exitCodes.usage,
    advice: [here],
  });
}

/** The host of a group that is meant by its id or its name. @throws {Failure} that names the hosts there are */
export function chooseHost({ group, hosts }: GroupOverview, given: string): HostOverview {
  const found = hosts.filter(({ id, name }) => id === given || name === given);
  const [host] = found;
  if (host !== undefined && found.length === 1) return host;
  const names = hosts.map(({ id, name }) => (name === undefined ? id : `${name} (${id})`));
  const what = found.length > 1 ? `Several hosts of ${group} are named "${given}": use the id.` : '';
  throw new Failure(what || `There is no host "${given}" in ${group}.`, {
    exitCode: exitCodes.usage,
    advice: [`Hosts: ${names.join(', ')}`],
  });
}

/** As people call it. */
export function nameOf({ hosts }: Pick<GroupOverview, 'hosts'>, id: string): string {
  return hosts.find((host) => host.id === id)?.name ?? id;
}
