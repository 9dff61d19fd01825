import { spawn } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LocalCloud } from 'local-cloud';
import { sandboxDirectory } from 'local-cloud/sandbox';

/**
 * Opens a shell inside the sandbox and returns when it ends. In it, `on HOST [COMMAND…]` runs something on a host, and
 * the AWS CLI, where it is installed, talks to the local cloud as the operator.
 */
export async function openShell(cloud: LocalCloud, directory: string): Promise<void> {
  const hosts = cloud.instances().map(({ host }) => host);
  const cases = hosts.map(({ hostname, id, pid }) => `  ${hostname} | ${id}) pid=${pid} ;;`);
  const on = join(sandboxDirectory(), 'on');
  writeFileSync(
    on,
    `#!/bin/bash
case \${1-} in
${cases.join('\n')}
  *) echo 'usage: on ${hosts.map(({ hostname }) => hostname).join('|')} [COMMAND...]' >&2; exit 2 ;;
esac
shift
(($# > 0)) || set -- bash
exec nsenter --target "$pid" --all --root --wd -- "$@"
`,
  );
  chmodSync(on, 0o755);
  const { endpoint, region, credentials } = cloud.clientConfig();
  process.stdout.write(`
hostsync: everything goes on running. This is a shell inside the local cloud; "exit" ends it all.
  on primary                          a shell on the primary (or secondary-1, secondary-2)
  on primary touch ${directory}/x     one command there
  on secondary-1 ls ${directory}      seconds later it is here
  aws ec2 describe-instances          the AWS CLI, where it is installed, talks to the local cloud

`);
  const child = spawn('bash', ['--norc'], {
    stdio: 'inherit',
    env: {
      ...process.env,
      ...{ PATH: `${sandboxDirectory()}:${process.env['PATH'] ?? ''}`, PS1: 'hostsync$ ' },
      ...{ AWS_ENDPOINT_URL: endpoint, AWS_REGION: region, AWS_DEFAULT_REGION: region },
      ...{ AWS_ACCESS_KEY_ID: credentials.accessKeyId, AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey },
      AWS_SESSION_TOKEN: credentials.sessionToken,
    },
  });
  await new Promise((done) => child.on('close', done));
}
