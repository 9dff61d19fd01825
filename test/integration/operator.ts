import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClientConfig, LocalCloud } from 'local-cloud';

/** How the operator's command ended, and what it said. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs the real command, in a process of its own, with no other configuration than these credentials.
 *
 * @param config of the local cloud: `cloud.clientConfig()`
 */
export async function hostsync(config: ClientConfig, ...words: readonly string[]): Promise<Ended> {
  const { endpoint, region, credentials } = config;
  const home = mkdtempSync(join(tmpdir(), 'operator-'));
  const child = spawn(
    process.execPath,
    [join('cli', 'main.ts'), ...words, '--endpoint', endpoint, '--region', region],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        HOME: home,
        LANG: 'C.UTF-8',
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        AWS_SESSION_TOKEN: credentials.sessionToken,
        AWS_EC2_METADATA_DISABLED: 'true',
      },
    },
  );
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  const code = await new Promise<number>((done, fail) => {
    child.on('error', fail);
    child.on('close', (exit, signal) => done(exit ?? (signal === null ? -1 : -2)));
  });
  return { code, ...said };
}

export const operatorPolicy = (name: 'read' | 'act'): unknown =>
  JSON.parse(readFileSync(`docs/reference/operator-${name}-policy.json`, 'utf8'));

/** The credentials of an operator who may act, with the least rights of the documentation. */
export function actingOperator(cloud: Pick<LocalCloud, 'roleConfig'>): ClientConfig {
  return cloud.roleConfig({
    name: 'operator-act',
    policies: [operatorPolicy('read'), operatorPolicy('act')],
  });
}
