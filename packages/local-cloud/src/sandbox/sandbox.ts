import { existsSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isOnMachine, type LayerName, mountPoint, prepareBaseLayer } from './base-layer.ts';
import { InterruptedError, type NamespaceOptions, runInNamespaces, scriptsDirectory } from './namespaces.ts';

export type { LayerName } from './base-layer.ts';

/** No sandbox can be made here, or this is not the inside of one; the message says what to do. */
export class SandboxError extends Error {
  override readonly name = 'SandboxError';
}

export interface SandboxOptions {
  /** absolute; default: the project that this file belongs to */
  readonly projectDirectory?: string;
  /** progress, for people; default: standard error */
  readonly log?: (line: string) => void;
  /** environment of the command; default: that of this process */
  readonly env?: NodeJS.ProcessEnv;
  /** end the sandbox also when the process that started this one ends; default: only when this one does */
  readonly endWithParent?: boolean;
  /** see BaseLayerOptions */
  readonly reinstall?: boolean;
}

const neededTools = [
  ...[
    'bash',
    'chroot',
    'cp',
    'env',
    'find',
    'flock',
    'mount',
    'nsenter',
    'pivot_root',
    'setpriv',
    'tar',
    'umount',
  ],
  'unshare',
];

/**
 * Runs a command in a *sandbox*: mount, network, pid, ipc and uts namespaces of its own, in which all hosts of the local cloud live.
 * Resolves to the command's exit code (128 and the signal's number if a signal ended it). When the command ends, or this process, by
 * whatever cause, the kernel takes everything away: processes, links, addresses, mounts. Nothing is written outside `<project>/.local-cloud`.
 * @throws SandboxError when this machine cannot do it, before anything is done.
 * @throws BaseLayerError see prepareBaseLayer.
 */
export async function enterSandbox(argv: readonly string[], options: SandboxOptions = {}): Promise<number> {
  // In a sandbox within another, it is still the machine's
  const network = await open(
    insideSandbox() ? machineNetwork(sandboxDirectory()) : '/proc/self/ns/net',
    'r',
  ).catch(() => undefined);
  try {
    return await enter('base', options, (directory, archive) => ({
      init: ['sandbox-init.sh', directory, archive, ...argv],
      env: { LOCAL_CLOUD: '1', LOCAL_CLOUD_SANDBOX: directory },
      ...(network !== undefined && { open: network.fd }),
    }));
  } finally {
    await network?.close();
  }
}

/**
 * Runs a command in the namespaces of a sandbox with a layer as its root file system: with the programs that hosts have, or with
 * linters, whatever this machine has. It works in the project's directory, which it sees where it is; /tmp is its own. There are no hosts.
 * Resolves, ends and throws as enterSandbox does.
 */
export function enterLayer(
  layer: LayerName,
  argv: readonly string[],
  options: SandboxOptions = {},
): Promise<number> {
  const project = options.projectDirectory ?? ownProject;
  return enter(layer, options, (directory, archive) => ({
    init: ['root-init.sh', directory, archive, project, ...argv],
    env: { TMPDIR: '/tmp' },
  }));
}

const ownProject = resolve(import.meta.dirname, '../../../..');

async function enter(
  layer: LayerName,
  options: SandboxOptions,
  plan: (directory: string, archive: string) => Pick<NamespaceOptions, 'init' | 'env' | 'open'>,
): Promise<number> {
  const projectDirectory = options.projectDirectory ?? ownProject;
  const log = options.log ?? ((line: string) => process.stderr.write(`${line}\n`));
  const endWithParent = options.endWithParent ?? false;
  // One listener for all steps: a signal that comes as the last listener goes away is lost
  let interrupted: InterruptedError | undefined;
  const onSignal = (signal: 'SIGINT' | 'SIGTERM') => {
    interrupted ??= new InterruptedError(signal);
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    const blocker = await sandboxBlocker(projectDirectory);
    if (interrupted !== undefined) throw interrupted;
    if (blocker !== undefined) throw new SandboxError(blocker);
    const reinstall = options.reinstall ?? false;
    const { archive } = await prepareBaseLayer({ layer, projectDirectory, log, reinstall, endWithParent });
    if (interrupted !== undefined) throw interrupted;
    const { env, ...planned } = plan(mountPoint(projectDirectory), archive);
    return await runInNamespaces({
      ...planned,
      network: true,
      env: { ...(options.env ?? process.env), ...env },
      endWithParent,
    });
  } catch (error) {
    if (error instanceof InterruptedError) return error.code;
    throw error;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

/** Why no sandbox can be made on this machine, with what to do about it; nothing if one can. */
export async function sandboxBlocker(projectDirectory: string): Promise<string | undefined> {
  if (process.platform !== 'linux') {
    return `The local cloud is made of Linux namespaces, and this is ${process.platform}. Run it on a Linux machine or in a virtual one.`;
  }
  if (process.getuid?.() !== 0) {
    return 'The local cloud needs root, to make network namespaces and mounts of its own. Run: sudo npm start';
  }
  const missing: string[] = [];
  for (const tool of neededTools) if (!(await isOnMachine(tool))) missing.push(tool);
  if (missing.length > 0) {
    return `This machine lacks ${missing.join(', ')}. Install util-linux, coreutils, findutils, tar and bash, then try again.`;
  }
  const directory = mountPoint(projectDirectory);
  await mkdir(directory, { recursive: true });
  const said: string[] = [];
  const probe = join(scriptsDirectory, 'probe.sh');
  const code = await runInNamespaces({
    network: true,
    init: ['init.sh', 'bash', probe, directory],
    lines: (line) => said.push(line),
  });
  if (code === 0) return undefined;
  return (
    `This kernel or container does not let root make namespaces and overlay mounts: ${said.join('; ')}. ` +
    'In a container, run it with all privileges (docker run --privileged); else run it on a machine or in a virtual one.'
  );
}

/** Is this process inside a sandbox? The file can be seen nowhere else, so a variable that was set by hand does not do. */
export function insideSandbox(env: NodeJS.ProcessEnv = process.env): boolean {
  const directory = env['LOCAL_CLOUD_SANDBOX'];
  return env['LOCAL_CLOUD'] === '1' && directory !== undefined && existsSync(join(directory, 'inside'));
}

/**
 * The directory of the sandbox that this process is in.
 * @throws SandboxError outside a sandbox.
 */
export function sandboxDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const directory = env['LOCAL_CLOUD_SANDBOX'];
  if (directory === undefined || !insideSandbox(env)) {
    throw new SandboxError('Hosts live in a sandbox. Run: npm run sandbox -- COMMAND');
  }
  return directory;
}

/** A file in a sandbox that stands for the network of the machine (sandbox-init.sh). */
export function machineNetwork(sandbox: string): string {
  return join(sandbox, 'machine-network');
}

if (import.meta.main) {
  const argv = process.argv.slice(2);
  if (argv[0] === '--') argv.shift();
  if (argv.length === 0) {
    process.stderr.write('usage: npm run sandbox -- COMMAND [ARGUMENT…]\n');
    process.exit(2);
  }
  try {
    process.exitCode = await enterSandbox(argv);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
