/** The tags that are hostsync's registry. Their meaning is in docs/tags.md. */
export const tagKeys = {
  group: 'hostsync:group',
  primary: 'hostsync:primary',
  directories: 'hostsync:directories',
  secondaries: 'hostsync:secondaries',
  exclude: 'hostsync:exclude',
  paused: 'hostsync:paused',
  publicKey: 'hostsync:public-key',
  hostKey: 'hostsync:host-key',
  state: 'hostsync:state',
  syncedAt: 'hostsync:synced-at',
  epoch: 'hostsync:epoch',
  joined: 'hostsync:joined',
  task: 'hostsync:task',
  trouble: 'hostsync:trouble',
  groupTrouble: 'hostsync:group-trouble',
  outside: 'hostsync:outside',
  port: 'hostsync:port',
  dns: 'hostsync:dns',
  targetGroup: 'hostsync:target-group',
  switchover: 'hostsync:switchover',
  promote: 'hostsync:promote',
  promoted: 'hostsync:promoted',
  gathered: 'hostsync:gathered',
  left: 'hostsync:left',
  suspected: 'hostsync:suspected',
  promotionTrouble: 'hostsync:promotion-trouble',
  promotionTold: 'hostsync:promotion-told',
  probe: 'hostsync:probe',
  options: 'hostsync:options',
  acceptDeletions: 'hostsync:accept-deletions',
} as const;

/** What hostsync writes on a secondary, and takes away when it leaves. */
export const stateTagKeys: readonly string[] = [
  ...[tagKeys.state, tagKeys.syncedAt, tagKeys.epoch, tagKeys.hostKey, tagKeys.joined, tagKeys.task],
  ...[tagKeys.trouble, tagKeys.gathered, tagKeys.left],
];

/** The longest value of an EC2 tag, in characters. Source: EC2 User Guide, tag restrictions. */
export const maximumTagValueLength = 256;

/** What moves from one primary to the next, besides the shards of the list. */
export const configurationTagKeys: readonly string[] = [
  ...[
    tagKeys.directories,
    tagKeys.exclude,
    tagKeys.options,
    tagKeys.dns,
    tagKeys.targetGroup,
    tagKeys.secondaries,
  ],
];

/** What makes a host the primary, or belongs to that: taken off it when another one is. */
export const primaryTagKeys: readonly string[] = [
  ...[tagKeys.primary, tagKeys.promoted, tagKeys.publicKey, tagKeys.switchover, tagKeys.suspected],
  ...[tagKeys.acceptDeletions, ...configurationTagKeys],
];
