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
} as const;

/** What hostsync writes on a secondary, and takes away when it leaves. */
export const stateTagKeys: readonly string[] = [
  ...[tagKeys.state, tagKeys.syncedAt, tagKeys.epoch, tagKeys.hostKey, tagKeys.joined, tagKeys.task],
  ...[tagKeys.trouble, tagKeys.groupTrouble],
];

/** The longest value of an EC2 tag, in characters. Source: EC2 User Guide, tag restrictions. */
export const maximumTagValueLength = 256;
