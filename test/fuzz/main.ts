// What `npm run fuzz` does. Runs inside a sandbox; its one argument is JSON, the options.
import { join } from 'node:path';
import { Journal } from './journal.ts';
import type { FuzzOptions } from './options.ts';
import { fuzz } from './run.ts';

const options: FuzzOptions = JSON.parse(process.argv[2] ?? '');
const path = join('.hostsync', 'fuzz', `${options.seed}.log`);
const journal = new Journal(path, (line) => process.stdout.write(`${line}\n`));
await fuzz(options, journal);
if (journal.findings.length > 0) {
  const command = `npm run fuzz -- --seed ${options.seed} --minutes ${options.minutes}${options.watch ? ' --watch' : ''}${options.keepDeleted ? ' --keep-deleted' : ''}`;
  journal.say(`${journal.findings.length} findings; the same operations again: ${command}`);
  process.exitCode = 1;
}
