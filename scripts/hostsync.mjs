#!/usr/bin/env node
// `npx hostsync`: the operator's command, cli/main.ts, on the Node.js of the package "node", whatever this machine has.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fail, install, modules, project } from './install.mjs';

install();
const node = join(modules, 'node', 'bin', 'node');
if (!existsSync(node))
  fail(
    'the package "node" did not install its program: allow its install script (package.json does, with npm 10 or later), remove node_modules and try again',
  );
const child = spawn(node, [join(project, 'cli', 'main.ts'), ...process.argv.slice(2)], { stdio: 'inherit' });
// Ctrl-C reaches the whole foreground group: the child says what goes on without it, and we wait for it
process.on('SIGINT', () => undefined);
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', ({ message }) => fail(`${node} cannot be run: ${message}`));
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
