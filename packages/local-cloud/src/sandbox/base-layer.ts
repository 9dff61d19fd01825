import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runInNamespaces, scriptsDirectory } from './namespaces.ts';

/** A layer cannot be made on this machine; the message says what to do, or what apt-get said. */
export class BaseLayerError extends Error {
  override readonly name = 'BaseLayerError';
}

/** `base` lies under the hosts; `checks` has the linters of shell scripts, which no host needs. */
export type LayerName = 'base' | 'checks';

export interface BaseLayerOptions {
  /** default: `base` */
  readonly layer?: LayerName;
  /** absolute; the layer is kept below its `.local-cloud` */
  readonly projectDirectory: string;
  readonly log: (line: string) => void;
  /** put all packages into the layer even when the machine has them (to try that path) */
  readonly reinstall?: boolean;
  /** see NamespaceOptions */
  readonly endWithParent?: boolean;
}

export interface BaseLayer {
  /** a tar file, to be unpacked into a file system that can hold `trusted.overlay.*` attributes */
  readonly archive: string;
}

type Tools = Readonly<Record<string, string>>;

/** What a layer has, and the package of Debian and Ubuntu that has it. */
const layerTools: Readonly<Record<LayerName, Tools>> = {
  base: {
    rsync: 'rsync',
    sshd: 'openssh-server',
    ssh: 'openssh-client',
    'ssh-keygen': 'openssh-client',
    sudo: 'sudo',
    visudo: 'sudo',
    ip: 'iproute2',
    useradd: 'passwd',
    find: 'findutils',
    findmnt: 'util-linux',
    flock: 'util-linux',
    ps: 'procps',
    python3: 'python3',
    // Clocks that are wrong, for the tests
    faketime: 'faketime',
  },
  checks: { shellcheck: 'shellcheck', shfmt: 'shfmt' },
};

/** Only what lies in these directories is there on a host too. */
const toolDirectories = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/**
 * Makes the base layer unless one is there that fits the machine as it is now. Must run as root, outside the sandbox: it may need the
 * machine's network for apt-get. Safe to run several times at once.
 * @throws BaseLayerError when a tool is missing and apt-get is, too, or fails.
 */
export async function prepareBaseLayer(options: BaseLayerOptions): Promise<BaseLayer> {
  const layer = options.layer ?? 'base';
  const tools = layerTools[layer];
  const missing = options.reinstall ? Object.keys(tools) : await missingTools(tools);
  const packages = [...new Set(missing.map((tool) => tools[tool] ?? tool))].sort();
  const mode = options.reinstall ? 'reinstall' : 'install';

  const directory = join(options.projectDirectory, '.local-cloud');
  // A project below these is left out of the layer (see base-layer.sh)
  const leftOut = /^\/(?:usr|lib[^/]*)\//.test(options.projectDirectory) ? [options.projectDirectory] : [];
  const archive = join(directory, `${layer}-${await stamp([mode, ...packages, ...leftOut])}.tar`);
  if (await isThere(archive)) return { archive };

  if (packages.length > 0 && !(await isOnMachine('apt-get'))) {
    throw new BaseLayerError(
      `This machine lacks ${missing.join(', ')}, and has no apt-get to get them for the layer "${layer}". ` +
        `Install them with its own package manager (on Debian the packages are ${packages.join(', ')}), then try again.`,
    );
  }

  const build = mountPoint(options.projectDirectory);
  await mkdir(build, { recursive: true });
  const said: string[] = [];
  const lock = join(directory, 'base.lock');
  const script = join(scriptsDirectory, 'base-layer.sh');
  const code = await runInNamespaces({
    network: false,
    endWithParent: options.endWithParent ?? false,
    init: ['init.sh', 'bash', script, options.projectDirectory, build, lock, archive, mode, ...packages],
    lines: (line) => {
      said.push(line);
      if (isProgress(line)) options.log(line);
    },
  });
  if (code >= 128)
    throw new BaseLayerError(`Making the layer "${layer}" was interrupted. Start again to go on.`);
  if (code !== 0) {
    throw new BaseLayerError(
      `Could not make the layer "${layer}" (exit code ${code}). The last words were:\n` +
        `${said.slice(-15).join('\n')}\n` +
        `If packages could not be had, install them on this machine (${packages.join(', ') || 'none are missing'}), then try again.`,
    );
  }
  return { archive };
}

/**
 * An empty directory, below the project, that a sandbox covers with a file system of its own, and the build of a base layer too. That can be
 * seen only inside, so that several at once can use it.
 */
export function mountPoint(projectDirectory: string): string {
  return join(projectDirectory, '.local-cloud', 'sandbox');
}

/** apt-get and dpkg say much; these are the lines that show that it goes on, or why not. */
export function isProgress(line: string): boolean {
  return !/^(?:Reading|Building|Suggested|Recommended|Preparing|Processing|Selecting|After this|Need to|Fetched|The following|Configuration file|Installing new config|debconf:|invoke-rc\.d:|Running in|Not building|\d+ upgraded| |\(|$)/.test(
    line,
  );
}

/** Everything that the layer is made from; anything else there changes with the packages of the machine. */
async function stamp(parts: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(parts));
  const sources = [
    join(scriptsDirectory, 'base-layer.sh'),
    join(scriptsDirectory, 'install.sh'),
    '/etc/os-release',
    '/etc/passwd',
    '/etc/group',
    '/var/lib/dpkg/status',
  ];
  for (const path of sources) {
    hash.update(`\0${path}\0`);
    if (await isThere(path)) hash.update(await readFile(path));
  }
  return hash.digest('hex').slice(0, 16);
}

async function missingTools(tools: Tools): Promise<string[]> {
  const missing: string[] = [];
  for (const tool of Object.keys(tools)) if (!(await isOnMachine(tool))) missing.push(tool);
  return missing;
}

/** Is this program in one of the system's own directories? */
export async function isOnMachine(tool: string): Promise<boolean> {
  for (const directory of toolDirectories) {
    if (await isThere(join(directory, tool), constants.X_OK)) return true;
  }
  return false;
}

export async function isThere(path: string, mode = constants.F_OK): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}
