import { spawn } from 'node:child_process';
import { chmodSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LocalCloud } from 'local-cloud';
import { sandboxDirectory } from 'local-cloud/sandbox';

/** One that can be looked at. */
export interface Reachable {
  readonly hostname: string;
  readonly id: string;
  /** Its process 1; undefined: it is down. */
  readonly pid: number | undefined;
}

/**
 * The program `on HOST [COMMAND…]`. As with ssh, the words of a command are joined and go to a shell over there.
 */
export function onScript(hosts: readonly Reachable[]): string {
  const cases = hosts.map(({ hostname, id, pid }) =>
    pid === undefined
      ? `  ${hostname} | ${id}) echo '${hostname} is down' >&2; exit 255 ;;`
      : `  ${hostname} | ${id}) pid=${pid} ;;`,
  );
  return `#!/bin/bash
case \${1-} in
${cases.join('\n')}
  *) echo 'usage: on ${hosts.map(({ hostname }) => hostname).join('|')} [COMMAND...]' >&2; exit 2 ;;
esac
shift
(($# > 0)) && set -- bash -c "$*" || set -- bash
exec nsenter --target "$pid" --all --root --wd -- "$@"
`;
}

/**
 * Opens a shell inside the sandbox and returns when it ends. In it, `on HOST [COMMAND…]` runs something on a host, and
 * the AWS CLI, where it is installed, talks to the local cloud as the operator.
 */
export async function openShell(cloud: LocalCloud, directory: string, page: string): Promise<void> {
  const on = join(sandboxDirectory(), 'on');
  let written = '';
  // Hosts come, go and boot anew, by the buttons of the page too
  const write = () => {
    const script = onScript(
      cloud
        .instances()
        .filter(({ state }) => state !== 'terminated')
        .map(({ host }) => ({ hostname: host.hostname, id: host.id, pid: host.pid })),
    );
    if (script === written) return;
    written = script;
    writeFileSync(`${on}.new`, script);
    chmodSync(`${on}.new`, 0o755);
    renameSync(`${on}.new`, on);
  };
  write();
  const timer = setInterval(write, 500);
  const { endpoint, region, credentials } = cloud.clientConfig();
  process.stdout.write(`
hostsync: everything goes on running. This is a shell inside the local cloud; "exit" ends it all.
  ${page}
                                      the live page: its buttons work now
  on primary                          a shell on the primary (or secondary-1, secondary-2)
  on primary "echo x > ${directory}/x"
  on secondary-1 ls ${directory}      seconds later it is here
  aws ec2 describe-instances          the AWS CLI, where it is installed, talks to the local cloud

`);
  const child = spawn('bash', ['--norc'], {
    stdio: 'inherit',
    env: {
      ...process.env,
      PATH: `${sandboxDirectory()}:${process.env['PATH'] ?? ''}`,
      PS1: 'hostsync$ ',
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_SESSION_TOKEN: credentials.sessionToken,
    },
  });
  await new Promise((done) => child.on('close', done));
  clearInterval(timer);
}
