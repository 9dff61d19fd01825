/** One host of the fleet, as AWS shows it. */
export interface FleetHost {
  readonly id: string;
  readonly group: FleetGroup;
  readonly zone: string;
  readonly address: string;
  readonly tags: Map<string, string>;
  /** The agent pings, and EC2's status checks pass. */
  readonly alive: boolean;
  /** The host ends its commands. */
  readonly answers: boolean;
}

export interface FleetGroup {
  readonly name: string;
  /** The primary first. */
  readonly hosts: readonly FleetHost[];
  /** Every write that names the group or one of its hosts fails. */
  readonly refusesWrites: boolean;
  /** When the last pushes were requested, in milliseconds since 1970. All of them succeeded. */
  readonly pushedAt: readonly number[];
  /** What the table holds of it: the keys and attributes of an item. */
  readonly head: Readonly<Record<string, unknown>>;
}

export interface Fleet {
  readonly groups: readonly FleetGroup[];
  readonly hosts: ReadonlyMap<string, FleetHost>;
}

export interface FleetOptions {
  /** At least 3: one suspected, one that refuses writes, one or more healthy. */
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
/** As many ids fit into the 256 characters of one tag. Source: EC2 User Guide, tag restrictions. */
const idsPerTag = 12;

/**
 * Healthy groups as they are between two ticks: hostsync has written all its tags, and a tick only has to push. Two groups are not healthy.
 * In the second, the primary is silent, and the first secondary that would probe the primary never ends a command. In the third, every write
 * fails, and a write is due: the mirror of the primary's tags is out of date.
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
  // A silent primary got no push in the last two minutes
  const last = Math.floor(now / 1000) * 1000 - (isSuspected ? 3 : 1) * minute;
  const pushedAt = [3, 2, 1, 0].map((ago) => last - ago * minute);
  const hosts: FleetHost[] = [];
  const name = groupName(number);
  const ids = Array.from({ length: size }, (_, index) => instanceId(number * size + index + 1));
  const [primary = '', ...secondaries] = ids;
  const configuration = {
    'hostsync:primary': String(epoch),
    'hostsync:directories': directory,
    ...secondaryList(secondaries),
  };
  const mirrored = refusesWrites ? '0123456789abcdef' : copyOf(primary, configuration);
  const head = {
    pk: `group#${name}`,
    sk: 'head',
    version: 1,
    epoch,
    reconciledFrom: now,
    configuration: mirrored,
    claim: { epoch, holder: primary, kind: 'first', why: 'the benchmark says so', at: now - 60 * minute },
  };
  const group: FleetGroup = { name, hosts, refusesWrites, pushedAt, head };
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
  const primaryTags = {
    ...common,
    ...configuration,
    'hostsync:public-key': publicKey,
    'hostsync:promoted': `${epoch} ${primary}`,
    // Where the first edition had it
    'hostsync:mirrored': mirrored,
  };
  for (const [index, id] of ids.entries())
    hosts.push({
      id,
      group,
      zone: zones[index % zones.length] ?? '',
      address: `10.${(number >> 8) & 255}.${number & 255}.${index + 4}`,
      tags: new Map(Object.entries(index === 0 ? primaryTags : secondaryTags)),
      alive: !(isSuspected && index === 0),
      answers: !(isSuspected && index <= 1),
    });
  return group;
}

/** Names sort like their numbers. */
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

/** The value of `hostsync:joined`. Source: `joinDigest` in shared/core. */
function joinedTo(primary: string, group: string): string {
  const request = [
    ['group', group],
    ['epoch', String(epoch)],
    ['directory', directory],
    ['public-key', ...publicKey.split(' ')],
  ];
  const lines = request.map((fields) => `${fields.join('\t')}\n`).join('');
  return fingerprint(`6\n${primary}\n${lines}`);
}

/** What the tags are compared with. Source: `mirrorDigest` in shared/core. */
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
