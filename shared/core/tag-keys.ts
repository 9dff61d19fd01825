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
} as const;

/** The longest value of an EC2 tag, in characters. Source: EC2 User Guide, tag restrictions. */
export const maximumTagValueLength = 256;
