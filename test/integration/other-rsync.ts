import type { Host } from 'local-cloud/hosts';

/**
 * Where a group's hosts have different rsyncs: `primary=DIRECTORY` or `secondaries=DIRECTORY`. What is in the directory, as
 * usr/bin/rsync and the libraries that it needs, takes the place of these hosts' own. .ci/debians sets it.
 */
const [who, directory] = (process.env['HOSTSYNC_TEST_RSYNC'] ?? '').split('=');

/** Gives a host that was just started the rsync that this run wants it to have. */
export async function installOtherRsync(host: Pick<Host, 'copyIn'>, isPrimary: boolean): Promise<void> {
  if (directory !== undefined && who === (isPrimary ? 'primary' : 'secondaries'))
    await host.copyIn(directory, '/');
}
