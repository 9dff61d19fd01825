import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { programOf, python } from './package.ts';

// The hooks of docs/guides/wordpress.md, run as the package runs them
const example = resolve(import.meta.dirname, '../../examples/wordpress/hooks');
/** In the root of this lane, which is no host's. */
const mark = '/var/lib/site/takes-writes';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'example-hooks-'));
  mkdirSync(join(directory, 'hooks'), { mode: 0o755 });
  for (const name of readdirSync(example)) {
    const hook = join(directory, 'hooks', name);
    copyFileSync(join(example, name), hook);
    // A clone that was made with another umask lets the group write
    chmodSync(hook, 0o755);
  }
});
afterEach(() => {
  rmSync(directory, { recursive: true });
  rmSync('/var/lib/site', { recursive: true, force: true });
});

function run(name: string): string {
  const program = programOf(`
import os
from hostsync_host import hooks, layout, results
layout.ETC = sys.argv[1].encode()
os.umask(0o077)
results.name_command("sample")
result = hooks.run_hook(sys.argv[2], 30, "web", 7)
print(result.status, result.message, end="")
`);
  const [interpreter = '', ...options] = python;
  const { stdout, stderr } = spawnSync(interpreter, [...options, '-c', program, directory, name], {
    env: {},
    encoding: 'utf8',
  });
  return `${stdout}${stderr}`;
}

/** nginx and PHP ask as a user of their own. */
function isSeenByWebServer(): boolean {
  return spawnSync('test', ['-e', mark], { uid: 65534, gid: 65534 }).status === 0;
}

it('the host takes writes from its promotion to its demotion, and again if that is withdrawn; each hook may run twice', () => {
  const steps = [
    ['after-promotion', true],
    ['after-promotion', true],
    ['before-demotion', false],
    ['before-demotion', false],
    ['demotion-cancelled', true],
    ['before-demotion', false],
  ] as const;
  for (const [hook, writes] of steps) {
    expect(run(hook), hook).toBe('ok ');
    expect(isSeenByWebServer(), hook).toBe(writes);
  }
});
