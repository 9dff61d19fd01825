import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type LocalCloud, type LocalInstance, startCloud } from 'local-cloud';
import { type Host, type HostFleet, openFleet, type VolumeOptions } from 'local-cloud/hosts';
import { notesOf } from '../../tour/notes.ts';
import { packageWith } from '../../tour/own-package.ts';
import { type PushResult, parseResults, pushResults } from '../../tour/pushes.ts';
import { compareTrees, readTree } from '../../tour/tree.ts';
import { describeCloud } from './describe-cloud.ts';
import { installOtherRsync } from './other-rsync.ts';
import { hasEnded, hasSaid, inTotal, isWatchedByDefault, outputOf, watching, watchTags } from './watched.ts';

export const packageDirectory = join('.hostsync', 'package');
export const uploads = '/srv/uploads';
/**
 * A key exchange that resists quantum computers takes two thirds of the CPU time of a connection, and the tests make thousands. OpenSSH's own
 * choice is that of the tour and the benchmarks.
 */
export const plainKeyExchange = { sshd: ['KexAlgorithms curve25519-sha256'] };
/** Matches the command line of an rsync that sends a directory, and not that of one that says its version. */
export const sends = '^rsync .*::';

/** Until a push that watches has said something of every secondary; one that hangs is `busy` for longer. */
const mostTicks = 4;

export interface GroupOptions {
  readonly secondaries?: number;
  readonly directories?: readonly string[];
  readonly excludes?: readonly string[];
  /** Volumes of the primary. */
  readonly volumes?: readonly VolumeOptions[];
  /** Of every host; default 4 GiB. */
  readonly diskBytes?: number;
  readonly timeScale?: number;
  /** Variables of the functions' environments that are to be other than those of the default deployment. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly spot?: boolean;
  /** For the parameters of the template. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** The zone of each host, the primary first. */
  readonly zones?: readonly string[];
  /** What each host has, the primary first; nothing where the list ends. */
  readonly hosts?: readonly HostOptions[];
  /** The pushes of its ticks stay and watch. */
  readonly watch?: boolean;
}

export interface HostOptions {
  readonly addressing?: 'ipv4' | 'dual-stack' | 'ipv6';
  readonly publicAddress?: boolean;
  readonly tags?: Readonly<Record<string, string>>;
  /** The port of its SSH server, where that is not 22. */
  readonly sshPort?: number;
}

/** A local cloud with one group, whose schedule is fired by hand. */
export class TestGroup {
  readonly fleet: HostFleet;
  readonly cloud: LocalCloud;
  readonly primary: LocalInstance;
  readonly secondaries: readonly LocalInstance[];
  readonly ownPackage: string | undefined;
  /** The commands whose results `push` has returned. */
  readonly #counted = new Set<string>();

  constructor(
    fleet: HostFleet,
    cloud: LocalCloud,
    primary: LocalInstance,
    secondaries: readonly LocalInstance[],
    ownPackage?: string,
  ) {
    this.ownPackage = ownPackage;
    this.fleet = fleet;
    this.cloud = cloud;
    this.primary = primary;
    this.secondaries = secondaries;
  }

  /** Fires the schedule once and waits for all that comes of it. @returns what the push printed, by secondary */
  async tick(timeoutSeconds = 280): Promise<readonly PushResult[]> {
    const before = pushResults(this.cloud).length;
    this.cloud.tick();
    await this.settle({ timeoutSeconds });
    return pushResults(this.cloud).slice(before);
  }

  async ticks(count: number): Promise<void> {
    for (let tick = 0; tick < count; tick += 1) await this.tick();
  }

  /** Waits for something while ticks go on as the schedule would have them. */
  async whileTicking<Result>(running: Promise<Result>): Promise<Result> {
    try {
      return await this.ticking(running);
    } finally {
      await this.settle();
    }
  }

  /** As whileTicking, but what comes of the ticks may still go on afterwards. */
  async ticking<Result>(running: Promise<Result>): Promise<Result> {
    const schedule = setInterval(() => this.cloud.tick(), 3_000);
    try {
      return await running;
    } finally {
      clearInterval(schedule);
    }
  }

  /** Ticks until something is so. @throws {Error} with what was seen last, if it is not so after that many */
  async tickUntil(what: string, done: () => boolean | Promise<boolean>, most = 14): Promise<void> {
    for (let tick = 0; !(await done()); tick += 1) {
      if (tick === most) {
        const reasons = this.lastLog().map(({ message }) => message);
        throw new Error(
          `not after ${most} ticks: ${what}\n${reasons.join('\n')}\n${describeCloud(this.cloud)}`,
        );
      }
      await this.tick();
    }
  }

  /**
   * A tick, and what its push says. One that watches says it when the next tick has taken over, or before, when a secondary's outcome changes.
   *
   * @returns what became of each secondary since the last call, in total where several commands served it
   */
  async push(timeoutSeconds = 280): Promise<readonly PushResult[]> {
    if (!isWatchedByDefault) return this.tick(timeoutSeconds);
    const ofPushes = () => this.cloud.commands({ document: 'PushDocument' });
    const before = new Set(ofPushes().map(({ id }) => id));
    for (let ticks = 1; ; ticks += 1) {
      await this.tick(timeoutSeconds);
      const since = ofPushes().filter(({ id }) => !before.has(id));
      if (since.some(hasSaid) || watching(since).length === 0 || ticks === mostTicks) break;
      await sleep(1000);
    }
    const ended = ofPushes().filter((each) => hasEnded(each) && !this.#counted.has(each.id));
    for (const { id } of ended) this.#counted.add(id);
    return inTotal(parseResults(ended.map(outputOf).join('\n')));
  }

  /** The lines of the last push that has ended. */
  lastOutput(): readonly unknown[] {
    const outputs = this.cloud.commands({ document: 'PushDocument' }).map(outputOf);
    const last = outputs.findLast((output) => output.includes('"kind":"push"')) ?? '';
    return last
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  }

  /** Waits for all that goes on, but for a push that watches. */
  settle(options: { readonly timeoutSeconds?: number } = {}): Promise<void> {
    return this.cloud.settle({ ...options, stays: watching });
  }

  secondary(index: number): LocalInstance {
    const found = this.secondaries[index];
    if (found === undefined) throw new Error(`no secondary ${index}`);
    return found;
  }

  /** What differs between the primary's tree and a secondary's; empty if they are the same. */
  async differences(
    secondary: LocalInstance | Host = this.secondary(0),
    directory = uploads,
  ): Promise<readonly string[]> {
    const host = 'host' in secondary ? secondary.host : secondary;
    return eventuallySame(this.primary.host, host, directory);
  }

  /** The reasons that the last run of a function logged, with their codes; by default of the tick. */
  lastLog(
    name = 'SyncLambdaFunction',
  ): readonly { readonly level: string; readonly message: string; readonly code?: string }[] {
    const logs = this.cloud.invocations({ function: name }).at(-1)?.logs ?? [];
    return logs.flatMap((line) => {
      const entry = line.startsWith('{') ? JSON.parse(line) : {};
      return entry.level === undefined ? [] : [entry];
    });
  }

  /** The last look at each group was long ago, so that the next tick asks for one. */
  async forgetReconciled(): Promise<void> {
    const table = this.cloud.table('Memory');
    const items = await table.items();
    await table.restore(
      items.map((item) => ({ ...item, ...('reconciledFrom' in item && { reconciledFrom: { N: '1' } }) })),
    );
  }

  /** What the table remembers of a host, by the names of docs/memory.md. */
  notes({ id }: Pick<LocalInstance, 'id'>): Promise<Readonly<Record<string, string>>> {
    return notesOf(this.cloud, id, 'web');
  }

  async close(): Promise<void> {
    await this.cloud.close();
    await this.fleet.close();
    if (this.ownPackage !== undefined) rmSync(this.ownPackage, { recursive: true, force: true });
  }
}

/** What a watch brings has seconds to arrive; what a push has brought is there. @returns what differs then */
export async function eventuallySame(one: Host, other: Host, directory: string): Promise<readonly string[]> {
  const until = Date.now() + 20_000;
  for (;;) {
    const [expected, actual] = await Promise.all([readTree(one, directory), readTree(other, directory)]);
    const found = compareTrees(expected, actual);
    if (found.length === 0 || !isWatchedByDefault || Date.now() > until) return found;
    await sleep(500);
  }
}

/** Runs a command on a host. @throws {Error} with what it said, unless it ends with 0 */
export async function must(host: Pick<Host, 'exec' | 'id'>, command: string): Promise<string> {
  const { code, stdout, stderr } = await host.exec(`set -euo pipefail; ${command}`);
  if (code !== 0) throw new Error(`${host.id}: ${command}: exit code ${code}: ${stderr.trim()}`);
  return stdout;
}

/** Makes the directories, as the image of a web server has them, owned by www-data. */
export async function makeDirectories(
  host: Pick<Host, 'exec' | 'id'>,
  directories: readonly string[],
): Promise<void> {
  await must(host, `install -d -o www-data -g www-data ${directories.join(' ')}`);
}

/** From port 22 to another one. The host itself looks for its server at 22 when it boots. */
async function moveSshServer(host: Pick<Host, 'exec' | 'id'>, port: number): Promise<void> {
  const lines = `ListenAddress 127.0.0.1:22\nListenAddress 0.0.0.0:${port}\n`;
  await must(
    host,
    `{ printf '${lines}'; cat /etc/ssh/sshd_config; } >/tmp/sshd_config; mv /tmp/sshd_config /etc/ssh/sshd_config; kill "$(cat /run/sshd.pid)"; while ! /usr/sbin/sshd </dev/null; do sleep 0.1; done`,
  );
}

/** Here a minute is a second: incidents send alerts at once, and again as soon as they change. */
const atOnce = { HOSTSYNC_GROUP_WAIT: '0', HOSTSYNC_GROUP_INTERVAL: '0', HOSTSYNC_RESCUE_QUIET: '0' };

/** Starts the hosts of a group `web`, sets the primary's tags, and has ticks bring every secondary in sync. */
export async function startGroup(options: GroupOptions = {}): Promise<TestGroup> {
  const {
    secondaries: count = 2,
    directories = [uploads],
    excludes = [],
    volumes = [],
    diskBytes,
    timeScale,
  } = options;
  const fleet = await openFleet(plainKeyExchange);
  const own = packageWith(packageDirectory, { ...atOnce, ...options.environment });
  const cloud = await startCloud({
    packageDirectory: own,
    tickSeconds: 'manual',
    fleet,
    ...(timeScale !== undefined && { timeScale }),
    ...(options.parameters !== undefined && { parameters: options.parameters }),
  });
  const launch = (
    name: string,
    itsVolumes: readonly VolumeOptions[],
    zone: string | undefined,
    { sshPort, tags = {}, ...itsOptions }: HostOptions = {},
  ) =>
    cloud.launch({
      ...itsOptions,
      ...(zone !== undefined && { zone }),
      ...(options.spot === true && { spot: true }),
      name,
      tags: { 'hostsync:group': 'web', ...tags },
      volumes: itsVolumes,
      ...(diskBytes !== undefined && { diskBytes }),
      async prepare(instance) {
        await makeDirectories(instance, directories);
        await installOtherRsync(instance.host, name === 'primary');
        if (sshPort !== undefined) await moveSshServer(instance, sshPort);
      },
    });
  const [primary, ...secondaries] = await Promise.all(
    Array.from({ length: count + 1 }, (_, index) =>
      launch(
        index === 0 ? 'primary' : `secondary-${index}`,
        index === 0 ? volumes : [],
        options.zones?.[index],
        options.hosts?.[index],
      ),
    ),
  );
  if (primary === undefined) throw new Error('no primary');
  // An empty directory is never pushed, for it looks like an unmounted volume
  await must(primary, directories.map((directory) => `echo x > ${directory}/keep`).join('; '));
  await must(primary, `chown -R www-data: ${directories.join(' ')}`);
  primary.setTags({
    'hostsync:primary': '1',
    'hostsync:directories': directories.join(' '),
    ...((options.watch ?? isWatchedByDefault) && watchTags),
    ...(excludes.length > 0 && { 'hostsync:exclude': excludes.join(' ') }),
  });
  const group = new TestGroup(fleet, cloud, primary, secondaries, own);
  await group.tick();
  const late = secondaries.filter(({ tags }) => tags['hostsync:state'] !== 'in-sync');
  if (late.length > 0)
    throw new Error(
      `not joined: ${JSON.stringify(late.map(({ tags }) => tags))}\n${JSON.stringify(group.lastLog())}`,
    );
  return group;
}
