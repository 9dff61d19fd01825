import type { Clients } from './connection.ts';
import { hostsOf, type SeenHost } from './hosts.ts';

/** Where the measures are taken. */
export interface Scene {
  readonly clients: Clients;
  readonly signal: AbortSignal;
  readonly stage: string;
  /** Of tags, without the colon. */
  readonly prefix: string;
  readonly group: string;
  readonly scalingGroup: string;
  /** A FIFO queue for questions. */
  readonly queueUrl: string;
  /** The tags that make a host the primary. */
  readonly primaryTags: ReadonlyMap<string, string>;
}

export const tagOf = ({ prefix }: Pick<Scene, 'prefix'>, { tags }: SeenHost, name: string) =>
  tags.get(`${prefix}:${name}`);

export function hosts({ clients, prefix, group }: Scene): Promise<readonly SeenHost[]> {
  return hostsOf(clients, prefix, group);
}

export function directoryOf({ primaryTags, prefix }: Pick<Scene, 'primaryTags' | 'prefix'>): string {
  const [directory] = (primaryTags.get(`${prefix}:directories`) ?? '').split(' ');
  if (directory === undefined || directory === '') throw new Error('PrimaryTags name no directory');
  return directory;
}

/** The running host with the highest epoch. */
export async function primaryOf(scene: Scene): Promise<SeenHost> {
  const epoch = (host: SeenHost) => Number(tagOf(scene, host, 'primary') ?? 0);
  const [first] = (await hosts(scene))
    .filter((host) => epoch(host) > 0 && host.state === 'running')
    .sort((one, other) => epoch(other) - epoch(one));
  if (first === undefined) throw new Error('the group has no primary that runs');
  return first;
}

/** The running hosts that are in sync. */
export async function inSync(scene: Scene): Promise<readonly SeenHost[]> {
  const found = await hosts(scene);
  return found.filter((host) => host.state === 'running' && tagOf(scene, host, 'state') === 'in-sync');
}

export async function secondaryOf(scene: Scene): Promise<SeenHost> {
  const [first] = await inSync(scene);
  if (first === undefined) throw new Error('the group has no secondary in sync');
  return first;
}
