#!/usr/bin/env node
// The operator's command, `npx hostsync`: on the Node.js of the Lambda runtime, which is one of the project's packages, whatever runs npx.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { install, modules, project } from './install.mjs';

install();
const child = spawn(
  join(modules, 'node', 'bin', 'node'),
  [join(project, 'cli', 'main.ts'), ...process.argv.slice(2)],
  { stdio: 'inherit' },
);
// Ctrl-C reaches the child as well, which says what goes on without it
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => signal !== 'SIGINT' && child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
