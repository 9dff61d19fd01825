import { statSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type LocalCloud, type LocalInstance, startCloud } from 'local-cloud';
import { type HostFleet, openFleet } from 'local-cloud/hosts';
import { waitForSync } from '../../tour/pushes.ts';
import { compareTrees, readTree, type Tree } from '../../tour/tree.ts';
import { must, uploads } from '../testbed.ts';
import { type Milestone, milestones, type RecoveryKind, type RecoveryRun } from './report.ts';

const tickSeconds = 60;
const editors = 'edit.example.com';
/** The local cloud gives the first zone this id; on AWS it is known before the deployment. */
const zoneId = 'Z0000000000000000001';
/** Seconds after which a promotion has failed. */
const patience = 600;

export interface RunPlan {
  readonly kind: RecoveryKind;
  /** Seconds from a tick to the event. */
  readonly phase: number;
  readonly secondaries: number;
  readonly files: number;
}

interface Group {
  readonly name: string;
  readonly primary: LocalInstance;
  readonly secondaries: readonly LocalInstance[];
}

/** A local cloud in which nothing is shortened: ticks, timeouts and settings are those of a deployment. */
export class RecoveryBench {
  readonly #cloud: LocalCloud;
  readonly #fleet: HostFleet;
  readonly #zone: ReturnType<LocalCloud['createHostedZone']>;
  readonly #started: number;
  #groups = 0;

  /** @param packageDirectory of the packaged service */
  static async open(packageDirectory: string): Promise<RecoveryBench> {
    const fleet = await openFleet();
    const parameters = { HostedZone: zoneId, DnsNames: editors };
    try {
      const cloud = await startCloud({ packageDirectory, tickSeconds: 'manual', fleet, parameters });
      return new RecoveryBench(cloud, fleet);
    } catch (error) {
      await fleet.close();
      throw error;
    }
  }

  private constructor(cloud: LocalCloud, fleet: HostFleet) {
    this.#cloud = cloud;
    this.#fleet = fleet;
    this.#zone = cloud.createHostedZone({ name: 'example.com', id: zoneId });
    cloud.startSchedule(tickSeconds);
    this.#started = Date.now();
  }

  async close(): Promise<void> {
    this.#cloud.stopSchedule();
    try {
      await this.#cloud.close();
    } finally {
      await this.#fleet.close();
    }
  }

  /** Builds a group, fails its primary, measures, and takes the group away. */
  async run({ kind, phase, secondaries, files }: RunPlan): Promise<RecoveryRun> {
    this.#groups += 1;
    const group = await this.#build(`recovery-${this.#groups}`, secondaries, files);
    try {
      const before = await readTree(group.primary.host, uploads);
      await this.#waitForPhase(phase);
      const began = await this.#fail(group.primary, kind);
      const reached = await this.#milestones(group, began);
      const [load = 0] = loadavg();
      const next = primaryOf(group.secondaries);
      if (next === undefined) throw new Error(`group ${group.name} lost its new primary`);
      const after = await readTree(next.host, uploads);
      const seconds = (milestone: Milestone) => ((reached.get(milestone) ?? Number.NaN) - began) / 1000;
      return {
        kind,
        phase,
        load,
        seconds: {
          tag: seconds('tag'),
          name: seconds('name'),
          complete: seconds('complete'),
          'files flow': seconds('files flow'),
        },
        differences: compareTrees(comparable(before), comparable(after)),
      };
    } finally {
      await this.#remove(group);
    }
  }

  async #build(name: string, secondaries: number, files: number): Promise<Group> {
    const launch = (host: string) =>
      this.#cloud.launch({
        name: `${name}-${host}`,
        tags: { 'hostsync:group': name },
        prepare: (instance) => must(instance.host, `install -d -o www-data -g www-data ${uploads}`),
      });
    const [primary, ...others] = await Promise.all([
      launch('primary'),
      ...Array.from({ length: secondaries }, (_, index) => launch(`secondary-${index + 1}`)),
    ]);
    await must(
      primary.host,
      `cd ${uploads} && for i in $(seq ${files}); do echo "upload $i" >"$i.txt"; done`,
    );
    await must(primary.host, `chown -R www-data: ${uploads}`);
    this.#zone.set({ name: editors, values: [primary.address] });
    const tags = { 'hostsync:primary': '1', 'hostsync:directories': uploads, 'hostsync:dns': editors };
    primary.setTags(tags);
    this.#cloud.tick();
    await this.#cloud.waitFor(() => others.every((host) => host.tags['hostsync:state'] === 'in-sync'), {
      what: `group ${name} in sync`,
      timeoutSeconds: patience,
    });
    // Each has had a push beside its first sync, as in a group that has been there for a while
    const ids = others.map(({ id }) => id);
    const synced = waitForSync(this.#cloud, ids, patience);
    this.#cloud.tick();
    await synced;
    return { name, primary, secondaries: others };
  }

  async #waitForPhase(phase: number): Promise<void> {
    const sinceTick = (Date.now() - this.#started) % (tickSeconds * 1000);
    await sleep((phase * 1000 - sinceTick + tickSeconds * 1000) % (tickSeconds * 1000));
  }

  /** @returns when the event was, in milliseconds since 1970 */
  async #fail(primary: LocalInstance, kind: RecoveryKind): Promise<number> {
    if (kind === 'stop') {
      const began = Date.now();
      await primary.stop();
      return began;
    }
    await primary.crash();
    await this.#cloud.waitFor(() => primary.checks.instance === 'impaired', {
      what: 'the status check that shows the power cut',
    });
    return Date.now();
  }

  /** @returns when each milestone was reached */
  async #milestones(group: Group, began: number): Promise<ReadonlyMap<Milestone, number>> {
    const reached = new Map<Milestone, number>();
    const upload = `upload-${began}`;
    let uploading: Promise<unknown> | undefined;
    const look = () => {
      const next = primaryOf(group.secondaries);
      if (next === undefined) return false;
      // An editor goes on as soon as the name leads somewhere
      uploading ??= must(next.host, `sudo -u www-data touch ${uploads}/${upload}`);
      const others = group.secondaries.filter(({ id }) => id !== next.id);
      for (const milestone of milestones)
        if (!reached.has(milestone) && this.#isReached(milestone, next, others, upload))
          reached.set(milestone, Date.now());
      return reached.size === milestones.length;
    };
    try {
      await this.#cloud.waitFor(look, { what: `the promotion in ${group.name}`, timeoutSeconds: patience });
    } finally {
      await uploading?.catch(() => undefined);
    }
    return reached;
  }

  #isReached(
    milestone: Milestone,
    next: LocalInstance,
    others: readonly LocalInstance[],
    upload: string,
  ): boolean {
    const epoch = next.tags['hostsync:primary'] ?? '';
    const isNamed = () => this.#cloud.resolve(editors)[0] === next.address;
    switch (milestone) {
      case 'tag':
        return true;
      case 'name':
        return isNamed();
      case 'complete':
        return (
          isNamed() &&
          next.tags['hostsync:promoted'] === `${epoch} ${next.id}` &&
          others.every(({ tags }) => tags['hostsync:epoch'] === epoch && tags['hostsync:gathered'] === epoch)
        );
      case 'files flow':
        return others.every(({ host }) => isThere(`/proc/${host.pid}/root${join(uploads, upload)}`));
    }
  }

  /** Takes it away, the secondaries first: none of them is to be promoted once more. */
  async #remove({ primary, secondaries }: Group): Promise<void> {
    const hosts = [
      ...secondaries.filter((host) => !isPrimary(host)),
      ...secondaries.filter(isPrimary),
      primary,
    ];
    for (const host of hosts) host.setTags({ 'hostsync:paused': 'measured' });
    for (const host of hosts) await host.terminate();
    // Not settle: the push of a killed primary counts as running for an hour, as it does on AWS
    const isOver = () => this.#cloud.invocations().every(({ outcome }) => outcome !== undefined);
    await this.#cloud.waitFor(isOver, { what: 'the end of all functions' });
  }
}

function primaryOf(hosts: readonly LocalInstance[]): LocalInstance | undefined {
  return hosts.find(isPrimary);
}

function isPrimary({ tags }: LocalInstance): boolean {
  return tags['hostsync:primary'] !== undefined;
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Without the upload that came after the event, and the directory whose time it changed. */
function comparable(tree: Tree): Tree {
  return new Map([...tree].filter(([path]) => path !== '.' && !/^\.\/upload-\d+$/u.test(path)));
}
