/** One host of the fleet, as AWS shows it. */
export interface FleetHost {
  readonly id: string;
  readonly group: FleetGroup;
  readonly zone: string;
  readonly address: string;
  readonly tags: Map<string, string>;
  /** Its agent pings, and EC2's status checks pass. */
  readonly alive: boolean;
  /** Commands that it is sent end. */
  readonly answers: boolean;
}

export interface FleetGroup {
  readonly name: string;
  /** The primary first. */
  readonly hosts: readonly FleetHost[];
  /** Every write that names it fails. */
  readonly refusesWrites: boolean;
  /** When its last pushes were asked for, in milliseconds since 1970; all of them have ended well. */
  readonly pushedAt: readonly number[];
}

export interface Fleet {
  readonly groups: readonly FleetGroup[];
  readonly hosts: ReadonlyMap<string, FleetHost>;
}

export interface FleetOptions {
  /** At least 3: one is suspected, one refuses writes, the others are well. */
  readonly groups: number;
  /** Of each group, its primary among them. */
  readonly hosts: number;
  /** Milliseconds since 1970. */
  readonly now: number;
}

const directory = '/srv/uploads';
const publicKey = `ssh-ed25519 ${'B'.repeat(68)}`;
const hostKey = `ssh-ed25519 ${'A'.repeat(68)}`;
const epoch = 1;
const zones = ['us-east-1a', 'us-east-1b', 'us-east-1c'];
const minute = 60_000;
/** So many ids fit into one tag. Source: EC2 User Guide, tag restrictions; docs/tags.md. */
const idsPerTag = 12;

/**
 * Groups as they are between two ticks, with all that hostsync has written on their hosts: nothing is left to do for them but to push. Two
 * are not well. The primary of the second has gone silent, and so has the first secondary that would be asked for it. The third refuses
 * every write, and one is due: the copy of its primary's tags is old.
 */
export function makeFleet({ groups, hosts, now }: FleetOptions): Fleet {
  const made = Array.from({ length: groups }, (_, number) => makeGroup(number, hosts, now));
  return {
    groups: made,
    hosts: new Map(made.flatMap((group) => group.hosts.map((host) => [host.id, host] as const))),
  };
}

function makeGroup(number: number, size: number, now: number): FleetGroup {
  const isSuspected = number === 1;
  const refusesWrites = number === 2;
  // Ticks of whole minutes; to a primary that has gone silent the last ones were not sent
  const last = Math.floor(now / 1000) * 1000 - (isSuspected ? 3 : 1) * minute;
  const pushedAt = [3, 2, 1, 0].map((ago) => last - ago * minute);
  const hosts: FleetHost[] = [];
  const group: FleetGroup = { name: groupName(number), hosts, refusesWrites, pushedAt };
  const ids = Array.from({ length: size }, (_, index) => instanceId(number * size + index + 1));
  const [primary = '', ...secondaries] = ids;
  const common = {
    'hostsync:group': group.name,
    'aws:autoscaling:groupName': `${group.name}-hosts`,
    'hostsync:synced-at': new Date(last).toISOString(),
    Name: group.name,
  };
  const secondaryTags = {
    ...common,
    'hostsync:state': 'in-sync',
    'hostsync:epoch': String(epoch),
    'hostsync:host-key': hostKey,
    'hostsync:joined': joinedTo(primary, group.name),
    'hostsync:gathered': String(epoch),
  };
  const configuration = {
    'hostsync:primary': String(epoch),
    'hostsync:directories': directory,
    ...secondaryList(secondaries),
  };
  const primaryTags = {
    ...common,
    ...configuration,
    'hostsync:public-key': publicKey,
    'hostsync:promoted': `${epoch} ${primary}`,
    'hostsync:mirrored': refusesWrites ? '0123456789abcdef' : copyOf(primary, configuration),
  };
  for (const [index, id] of ids.entries())
    hosts.push({
      ...{ id, group, zone: zones[index % zones.length] ?? '' },
      address: `10.${(number >> 8) & 255}.${number & 255}.${index + 4}`,
      tags: new Map(Object.entries(index === 0 ? primaryTags : secondaryTags)),
      alive: !(isSuspected && index === 0),
      answers: !(isSuspected && index <= 1),
    });
  return group;
}

/** Sorts as the numbers do. */
function groupName(number: number): string {
  return `site-${String(number + 1).padStart(4, '0')}`;
}

function instanceId(number: number): string {
  return `i-0${number.toString(16).padStart(16, '0')}`;
}

function secondaryList(ids: readonly string[]): Readonly<Record<string, string>> {
  const shards = Math.ceil(ids.length / idsPerTag);
  return Object.fromEntries(
    Array.from({ length: shards }, (_, shard) => [
      shard === 0 ? 'hostsync:secondaries' : `hostsync:secondaries-${shard + 1}`,
      ids.slice(shard * idsPerTag, (shard + 1) * idsPerTag).join(' '),
    ]),
  );
}

/** What `hostsync:joined` says. Source: `joinDigest` in shared/core. */
function joinedTo(primary: string, group: string): string {
  const request = [
    ['group', group],
    ['epoch', String(epoch)],
    ['directory', directory],
    ['public-key', ...publicKey.split(' ')],
  ];
  const lines = request.map((fields) => `${fields.join('\t')}\n`).join('');
  return fingerprint(`4\n${primary}\n${lines}`);
}

/** What `hostsync:mirrored` says. */
function copyOf(primary: string, configuration: Readonly<Record<string, string>>): string {
  const sorted = Object.entries(configuration).sort(([one], [other]) => (one < other ? -1 : 1));
  return fingerprint(JSON.stringify([primary, ...sorted]));
}

/** 64-bit FNV-1a. Source: RFC 9923. */
function fingerprint(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text))
    hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & (2n ** 64n - 1n);
  return hash.toString(16).padStart(16, '0');
}
