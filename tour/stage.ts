import type { LocalCloud, LocalInstance } from 'local-cloud';
import type { ActionState } from '../view/model/live.ts';
import { type Action, ActionRefusedError, type Actions } from '../view/source.ts';

type ScalingGroup = ReturnType<LocalCloud['createAutoScalingGroup']>;

export interface StageOptions {
  readonly directory: string;
  /** The account that uploads. */
  readonly owner: string;
}

/** Why nothing may be pressed, as while the tour itself plays. */
type Closed = string | undefined;

/** What the buttons of the page do to the hosts of the local cloud. */
export class Stage {
  readonly #cloud: LocalCloud;
  readonly #options: StageOptions;
  readonly #hurt = new Map<string, 'cut-off' | 'full'>();
  #killed: LocalInstance | undefined;
  #closed: Closed;
  #scaling: ScalingGroup | undefined;
  #uploads = 0;
  readonly actions: Actions;

  constructor(cloud: LocalCloud, options: StageOptions, closed?: string) {
    this.#cloud = cloud;
    this.#options = options;
    this.#closed = closed;
    this.actions = Object.fromEntries(
      Object.entries(this.#plays()).map(([name, play]): [string, Action] => [
        name,
        async ({ host }) => {
          const blocker = this.#blocker(name);
          if (blocker !== undefined) throw new ActionRefusedError(blocker);
          return play(host);
        },
      ]),
    );
  }

  /** Lets the buttons act from now on. */
  open(scaling: ScalingGroup): void {
    this.#scaling = scaling;
    this.#closed = undefined;
  }

  states(): readonly ActionState[] {
    return Object.keys(this.actions).map((name) => ({ name, blocker: this.#blocker(name) }));
  }

  #plays(): Readonly<Record<string, (host: string | undefined) => Promise<string>>> {
    return {
      'add-file': () => this.#add(1, 'One file is on its way. It is on every secondary after the next push.'),
      'add-files': () => this.#add(500, '500 files at once. They travel in one push.'),
      'delete-files': () => this.#deleteHalf(),
      'scale-out': () => this.#scaleOut(),
      'scale-in': () => this.#scaleIn(),
      'cut-off': (host) => this.#cutOff(host),
      'fill-disk': (host) => this.#fillDisk(host),
      heal: () => this.#heal(),
      'kill-primary': () => this.#kill(),
      'bring-back': () => this.#bringBack(),
    };
  }

  #blocker(name: string): string | undefined {
    if (this.#closed !== undefined) return this.#closed;
    const primary = this.#primary();
    switch (name) {
      case 'add-file':
      case 'add-files':
      case 'delete-files':
        return primary === undefined ? 'Uploads need a primary.' : undefined;
      case 'kill-primary':
        if (primary === undefined) return 'There is no primary to kill.';
        return this.#healthy().length === 0 ? 'No secondary could take its place.' : undefined;
      case 'bring-back':
        if (this.#killed === undefined) return 'No host is down.';
        return primary === undefined ? 'Wait until another host is the primary.' : undefined;
      case 'heal':
        return this.#hurt.size === 0 ? 'Nothing is broken.' : undefined;
      case 'cut-off':
      case 'fill-disk':
        return this.#healthy().length === 0 ? 'There is no healthy secondary.' : undefined;
      case 'scale-in':
        return this.#scaled().length === 0
          ? 'Scale out first: only what was launched so is taken away.'
          : undefined;
      default:
        return undefined;
    }
  }

  #running(): readonly LocalInstance[] {
    return this.#cloud.instances().filter(({ state }) => state === 'running');
  }

  #primary(): LocalInstance | undefined {
    return this.#running().find(({ tags }) => tags['hostsync:primary'] !== undefined);
  }

  /** Secondaries to which nothing was done. */
  #healthy(): readonly LocalInstance[] {
    return this.#running().filter(
      ({ id, tags }) => tags['hostsync:primary'] === undefined && !this.#hurt.has(id),
    );
  }

  #scaled(): readonly LocalInstance[] {
    const primary = this.#primary()?.id;
    return this.#running().filter(
      (instance) => instance.id !== primary && this.#scaling?.stateOf(instance) === 'InService',
    );
  }

  async #add(number: number, watch: string): Promise<string> {
    this.#uploads += 1;
    const { directory, owner } = this.#options;
    const script = `cd "$1" && mkdir -p "visit-$2" && for i in $(seq "$3"); do head -c 20000 /dev/urandom > "visit-$2/photo $i.jpg"; done && chown -R "$4:" "visit-$2"`;
    await this.#on(this.#primary(), script, directory, String(this.#uploads), String(number), owner);
    return watch;
  }

  async #deleteHalf(): Promise<string> {
    const script = `cd "$1" && find . -type f -print0 | awk 'BEGIN { RS = ORS = "\\0" } NR % 2' | xargs -0 -r rm -f --`;
    await this.#on(this.#primary(), script, this.#options.directory);
    return 'Half of the files are gone on the primary. hostsync holds so many deletions and asks: see the top of the page.';
  }

  async #scaleOut(): Promise<string> {
    const [launched] = (await this.#scaling?.scaleOut(1, { wait: false })) ?? [];
    return `${launched?.host.hostname ?? 'A host'} starts. It joins by itself and takes no traffic before every file is verified.`;
  }

  async #scaleIn(): Promise<string> {
    const [gone] = this.#scaled();
    if (gone === undefined) throw new ActionRefusedError('Every launched host has left.');
    await this.#scaling?.scaleIn(gone);
    return `${gone.host.hostname} leaves. It goes off the list by itself; the others notice nothing.`;
  }

  async #cutOff(host: string | undefined): Promise<string> {
    const target = this.#target(host);
    await target.cutOff();
    this.#hurt.set(target.id, 'cut-off');
    return `${target.host.hostname} is cut off. It falls behind alone; there is one alert, and the others go on.`;
  }

  async #fillDisk(host: string | undefined): Promise<string> {
    const target = this.#target(host);
    await target.fillDisk();
    this.#hurt.set(target.id, 'full');
    await this.#add(20, '');
    return `The disk of ${target.host.hostname} is full, and 20 files were uploaded: they do not arrive there.`;
  }

  async #heal(): Promise<string> {
    const names: string[] = [];
    for (const [id, how] of this.#hurt) {
      const instance = this.#running().find((each) => each.id === id);
      this.#hurt.delete(id);
      if (instance === undefined) continue;
      if (how === 'cut-off') await instance.heal();
      else await instance.freeDisk();
      names.push(instance.host.hostname);
    }
    return `${names.join(', ')}: healed. What was missed comes with the next push.`;
  }

  async #kill(): Promise<string> {
    const primary = this.#primary();
    if (primary === undefined) throw new ActionRefusedError('There is no primary to kill.');
    this.#killed = primary;
    await primary.stop();
    return `${primary.host.hostname} is dead. Uploads fail, visitors still read; the secondary with the newest files takes its place.`;
  }

  async #bringBack(): Promise<string> {
    const host = this.#killed;
    if (host === undefined) throw new ActionRefusedError('No host is down.');
    if (this.#primary() === undefined)
      throw new ActionRefusedError('Wait until another host is the primary.');
    this.#killed = undefined;
    await host.start();
    return `${host.host.hostname} is back. It is kept apart until what only it has is on the new primary; then it joins.`;
  }

  #target(host: string | undefined): LocalInstance {
    const target = this.#healthy().find(({ id }) => id === host);
    if (target === undefined) throw new ActionRefusedError('Choose a secondary that is healthy.');
    return target;
  }

  async #on(host: LocalInstance | undefined, script: string, ...words: readonly string[]): Promise<void> {
    if (host === undefined) throw new ActionRefusedError('Uploads need a primary.');
    const { code, stderr } = await host.exec(['bash', '-c', script, 'bash', ...words]);
    if (code !== 0) throw new ActionRefusedError(`${host.host.hostname} refused: ${stderr.trim()}`);
  }
}
