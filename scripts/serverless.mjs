#!/usr/bin/env node
// `npx serverless` in this project, whether its packages are installed or not. npx takes a program of the project itself
// before any of the registry's: without this one it would offer a package that is not the one of package.json.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { install, modules, project } from './install.mjs';

install();
process.chdir(project);
const { status } = spawnSync(
  process.execPath,
  [join(modules, 'serverless', 'bin', 'serverless.js'), ...process.argv.slice(2)],
  { stdio: 'inherit' },
);
process.exit(status ?? 1);
