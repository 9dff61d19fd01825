import { tagPrefix } from './tag-prefix.ts';

/** The tags that are hostsync's registry, as a stage with this prefix names them. Their meaning is in docs/tags.md. */
export function makeTagKeys(prefix: string) {
  const key = <Name extends string>(name: Name) => `${prefix}:${name}` as const;
  return {
    group: key('group'),
    primary: key('primary'),
    directories: key('directories'),
    secondaries: key('secondaries'),
    exclude: key('exclude'),
    paused: key('paused'),
    mode: key('mode'),
    intentions: key('intentions'),
    publicKey: key('public-key'),
    hostKey: key('host-key'),
    state: key('state'),
    syncedAt: key('synced-at'),
    epoch: key('epoch'),
    joined: key('joined'),
    task: key('task'),
    incident: key('incident'),
    joinIncident: key('join-incident'),
    groupIncident: key('group-incident'),
    outside: key('outside'),
    port: key('port'),
    dns: key('dns'),
    address: key('address'),
    targetGroup: key('target-group'),
    switchover: key('switchover'),
    promote: key('promote'),
    promoted: key('promoted'),
    gathered: key('gathered'),
    left: key('left'),
    suspected: key('suspected'),
    promotionIncident: key('promotion-incident'),
    promotionNotified: key('promotion-notified'),
    probe: key('probe'),
    options: key('options'),
    acceptDeletions: key('accept-deletions'),
  } as const;
}

/** The keys of this stage's tags. */
export const tagKeys = makeTagKeys(tagPrefix);

/** What hostsync writes on a secondary, and takes away when it leaves. */
export const stateTagKeys: readonly string[] = [
  ...[tagKeys.state, tagKeys.syncedAt, tagKeys.epoch, tagKeys.hostKey, tagKeys.joined, tagKeys.task],
  ...[tagKeys.incident, tagKeys.joinIncident, tagKeys.gathered, tagKeys.left],
];

/** The longest value of an EC2 tag, in characters. Source: EC2 User Guide, tag restrictions. */
export const maximumTagValueLength = 256;

/** What moves from one primary to the next, besides the shards of the list. */
export const configurationTagKeys: readonly string[] = [
  tagKeys.directories,
  tagKeys.exclude,
  tagKeys.options,
  tagKeys.dns,
  tagKeys.address,
  tagKeys.targetGroup,
  tagKeys.secondaries,
];

/** What makes a host the primary, or belongs to that: taken off it when another one is. */
export const primaryTagKeys: readonly string[] = [
  ...[tagKeys.primary, tagKeys.promoted, tagKeys.publicKey, tagKeys.switchover, tagKeys.suspected],
  ...[tagKeys.acceptDeletions, ...configurationTagKeys],
];
