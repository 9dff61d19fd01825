import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { names } from './site.ts';

/** The service that is measured: deployed for this run, or there before it. */
export interface Service {
  readonly stage: string;
  /** Undefined: it is there already. */
  readonly deploy?: () => Promise<void>;
  /** Undefined: it stays. */
  readonly remove?: () => Promise<void>;
}

const project = resolve(import.meta.dirname, '..');

/** A stage of its own, with a prefix of its own: nothing of another stage in the account is touched. */
export function ownService(region: string): Service {
  const stage = names.stage;
  const common = ['--stage', stage, '--region', region, '--param', `tag-prefix=${names.prefix}`];
  return {
    stage,
    deploy: () => serverless(['deploy', ...common]),
    remove: () => serverless(['remove', ...common]),
  };
}

/** @throws {Error} with the last words of the framework */
async function serverless(words: readonly string[]): Promise<void> {
  // Not in the group of this process: Ctrl-C must not end a deployment halfway, which nobody could remove then
  const child = spawn(process.execPath, [join(project, 'scripts', 'serverless.mjs'), ...words], {
    cwd: project,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said = `${said}${chunk}`.slice(-4000);
    });
  const code = await new Promise<number>((done, fail) => {
    child.once('error', fail);
    child.once('close', (exit) => done(exit ?? 1));
  });
  if (code !== 0) throw new Error(`serverless ${words[0]} ended with exit code ${code}: ${said.trim()}`);
}
