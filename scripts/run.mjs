// The entry of every npm script. It runs on whatever Node.js the machine has, from version 20 on, installs the
// packages when they are missing or old, and then runs scripts/tasks.ts on the Node.js of the Lambda runtime, which
// is one of those packages.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fail, install, modules, project } from './install.mjs';

if (process.platform !== 'linux')
  fail(
    `this needs Linux (namespaces, overlayfs), and this is ${process.platform}: use a Linux machine or virtual machine`,
  );
install();

const node = join(modules, 'node', 'bin', 'node');
if (!existsSync(node))
  fail(
    'the package "node" did not install its program: allow its install script (package.json does, with npm 10 or later), remove node_modules and try again',
  );

const child = spawn(node, [join(project, 'scripts', 'tasks.ts'), ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: {
    ...process.env,
    PATH: `${join(modules, '.bin')}${delimiter}${process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin'}`,
  },
});
// Ctrl-C reaches the whole foreground group; the child cleans up, and we wait for it
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
// When whoever started us is killed, nothing is to go on without him. npm has a shell between itself and us
function parentOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) \S+ (\d+) .*$/s, '$1');
  } catch {
    return '';
  }
}
const ancestors = () =>
  (process.env.npm_lifecycle_event ? [process.ppid, parentOf(process.ppid)] : [process.ppid]).join();
const started = ancestors();
setInterval(() => {
  if (ancestors() !== started) child.kill('SIGTERM');
}, 500).unref();
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
