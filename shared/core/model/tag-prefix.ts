/** The prefix of a stage that sets none. */
export const defaultTagPrefix = 'hostsync';

/**
 * What the keys of all tags of this stage begin with. Two stages with different prefixes share no tag, and so no host.
 *
 * It is the one thing of the environment that the core reads: it is the same for the whole life of a process, and every message that
 * names a tag has to name the real one. `shared/edge/configuration.ts` checks it.
 */
// biome-ignore lint/style/noRestrictedGlobals: a constant of the deployment, see above
export const tagPrefix: string = process.env['HOSTSYNC_TAG_PREFIX'] ?? defaultTagPrefix;
