import type { MembershipAction } from '../../../shared/core/membership/membership-action.ts';
import { failureEvents, failureKey, overEvents } from '../../../shared/core/membership/membership-events.ts';
import { planMembership } from '../../../shared/core/membership/plan-membership.ts';
import type { DomainEvent } from '../../../shared/core/model/domain-event.ts';
import { formatIncident } from '../../../shared/core/model/incident.ts';
import type {
  Claim,
  MembershipObservation,
  ObservedCommand,
  ObservedInstance,
  ObservedLifecycle,
  ObservedReachability,
  PromotionObservation,
  Register,
} from '../../../shared/core/model/observation.ts';
import { epochOf, findPrimary, isEstablished } from '../../../shared/core/model/primary.ts';
import type { PushTarget } from '../../../shared/core/model/request.ts';
import type { ScriptLine } from '../../../shared/core/model/script-line.ts';
import { formatTask, type TaskStep } from '../../../shared/core/model/task.ts';
import { planPush } from '../../../shared/core/push/plan-push.ts';
import type { PromotionSettings } from '../../../shared/core/succession/group-view.ts';
import { planPromotion } from '../../../shared/core/succession/plan-promotion.ts';
import type { PromotionAction } from '../../../shared/core/succession/promotion-action.ts';
import { promotionBlocker } from '../../../shared/core/succession/promotion-blocker.ts';
import { instanceId, promotionSettings } from './fixtures.ts';

/** A promise of ours that was broken. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

type Tags = Readonly<Record<string, string>>;

/** What EC2 knows of an instance. Old versions of the tags are kept, for EC2 may still show them. */
interface Machine {
  state: string;
  tags: Record<string, string>;
  readonly zone: string;
  readonly launchedAt: number;
  readonly versions: { readonly until: number; readonly tags: Tags }[];
}

/** What is on the disk of a host, and whether the host is well. */
interface Host {
  alive: boolean;
  /** /etc/hostsync/group */
  epoch: number;
  /** It has a private key of its own. */
  hasKey: boolean;
  /** Whose key it takes pushes from, and whether that one may read as well. */
  trusts: string | undefined;
  readable: boolean;
  /** For which epoch it has listed what is stranded. */
  listed: number;
  /** What its last list has. */
  list: ReadonlySet<string>;
  readonly files: Set<string>;
  /** Why it cannot join. */
  joinFails: string | undefined;
  /** Its hook before-demotion fails. */
  hookFails: boolean;
  /** Its hook before-demotion ran, and no other since. */
  refusesWrites: boolean;
}

interface Command {
  readonly command: string;
  readonly instance: string;
  readonly due: number;
  readonly requestedAt: number;
  readonly run: (host: Host) => Said;
  ended: { readonly ok: boolean; readonly detail: string; readonly lines: readonly ScriptLine[] } | undefined;
}

type Said = { readonly ok: boolean; readonly lines: readonly ScriptLine[] };

/** SSH keys by host: a form that passes for a key. */
export function keyOf(id: string): string {
  return `ssh-ed25519 ${'A'.repeat(51)}${id.slice(2)}`;
}

const refused = (error: string, message: string): Said => ({
  ok: false,
  lines: [{ kind: 'error', error, message }],
});
const olderEpoch = refused('older-epoch', 'this host follows a newer epoch');

/** Milliseconds for which EC2 may show old tags. */
const staleFor = 20_000;

/**
 * A group with hosts that hold files and keep to epochs as the scripts of host/ do, and with as much of AWS as promotions
 * need. Whatever breaks a promise of ours throws a `Violation` at once. Time moves only when told.
 */
export class SimulatedFailover {
  now = 1_800_000_000_000;
  readonly settings: PromotionSettings;
  readonly machines = new Map<string, Machine>();
  readonly hosts = new Map<string, Host>();
  readonly lifecycles = new Map<string, ObservedLifecycle>();
  readonly claims = new Map<number, Claim>();
  readonly commands: Command[] = [];
  readonly notifications: DomainEvent[] = [];
  /** Who took the role of the primary, by epoch. */
  readonly accepted = new Map<number, string>();
  /** Whose files were let go with the host, or by a hand. */
  readonly forgotten = new Set<string>();
  /** Probes that take their time: where there is a delay, they are shared by all runs, as notes in the table are. */
  readonly probes: { readonly due: number; readonly seen: ObservedReachability }[] = [];
  /** Milliseconds that a command takes, or undefined for what it takes otherwise. */
  delay: ((step: TaskStep | 'push' | 'probe' | 'question') => number) | undefined;
  mirror: Register['configuration'];
  mirrorDigest: string | undefined;
  #commandNumber = 0;
  #fileNumber = 0;

  constructor(hosts: number, settings: Partial<PromotionSettings> = {}) {
    this.settings = { ...promotionSettings, coolDown: 0, ...settings };
    for (let number = 1; number <= hosts; number++) this.add(number);
    this.tag(instanceId(1), { 'hostsync:primary': '1', 'hostsync:directories': '/srv/uploads' });
  }

  add(number: number): void {
    const id = instanceId(number);
    const zone = `zone-${'abc'[number % 3]}`;
    const tags = { 'hostsync:group': 'web' };
    this.machines.set(id, { state: 'running', tags, zone, launchedAt: this.now, versions: [] });
    this.hosts.set(id, {
      alive: true,
      epoch: 0,
      hasKey: false,
      trusts: undefined,
      readable: false,
      listed: 0,
      files: new Set(),
      hookFails: false,
      refusesWrites: false,
      list: new Set(),
      joinFails: undefined,
    });
  }

  host(id: string): Host {
    const host = this.hosts.get(id);
    if (host === undefined) throw new Error(`no host ${id}`);
    return host;
  }

  tags(id: string): Tags {
    return this.machines.get(id)?.tags ?? {};
  }

  /** An editor uploads a file to where the name points, which is moved once a host is the primary in all respects. */
  upload(): string | undefined {
    const { current } = findPrimary(this.instances());
    const host = current === undefined || !isEstablished(current) ? undefined : this.hosts.get(current.id);
    if (host?.alive !== true) return undefined;
    this.#fileNumber += 1;
    const name = `file-${this.#fileNumber}`;
    host.files.add(name);
    return name;
  }

  // --- what happens to hosts

  stop(id: string): void {
    this.#set(id, 'stopped', false);
  }

  /** The instance runs, and nothing in it does. */
  hang(id: string): void {
    const machine = this.machines.get(id);
    const host = this.hosts.get(id);
    if (machine?.state === 'running' && host !== undefined) host.alive = false;
  }

  recover(id: string): void {
    this.#set(id, 'running', true);
  }

  terminate(id: string): void {
    this.machines.delete(id);
    this.hosts.delete(id);
    this.lifecycles.delete(id);
  }

  #set(id: string, state: string, alive: boolean): void {
    const machine = this.machines.get(id);
    const host = this.hosts.get(id);
    if (machine === undefined || host === undefined) return;
    machine.state = state;
    host.alive = alive;
  }

  /** Commands that are due run, or fail for want of a host. */
  advance(seconds: number): void {
    this.now += seconds * 1000;
    for (const command of this.commands) {
      if (command.ended !== undefined || command.due > this.now) continue;
      const host = this.hosts.get(command.instance);
      if (host?.alive === true) {
        const { ok, lines } = command.run(host);
        command.ended = { ok, detail: ok ? 'Success' : 'Failed', lines };
      } else if (this.now > command.requestedAt + 30_000)
        command.ended = { ok: false, detail: 'DeliveryTimedOut', lines: [] };
    }
  }

  // --- tags

  tag(id: string, tags: Tags): void {
    this.#change(id, (own) => Object.assign(own, tags));
  }

  untag(id: string, keys: readonly string[]): void {
    this.#change(id, (own) => {
      for (const key of keys) delete own[key];
    });
  }

  #change(id: string, change: (tags: Record<string, string>) => void): void {
    const machine = this.machines.get(id);
    if (machine === undefined) return;
    machine.versions.push({ until: this.now, tags: { ...machine.tags } });
    change(machine.tags);
  }

  // --- what is observed

  /** @param lag how many changes of each instance's tags EC2 does not show yet, if they are recent */
  instances(lag = 0): readonly ObservedInstance[] {
    return [...this.machines].map(([id, { state, tags, zone, launchedAt, versions }]) => {
      const recent = versions.filter(({ until }) => until > this.now - staleFor);
      const shown = lag === 0 ? tags : (recent.at(-lag) ?? recent[0])?.tags;
      const address = `10.0.0.${Number.parseInt(id.slice(2), 16)}`;
      return { id, state, address, zone, launchedAt, tags: { ...(shown ?? tags) } };
    });
  }

  observe(instances: readonly ObservedInstance[]): MembershipObservation {
    const agents = instances.map(({ id, address, state }) => {
      return { id, online: state === 'running' && this.hosts.get(id)?.alive === true, address };
    });
    const commands = this.commands.map(({ command, instance, ended }): ObservedCommand => {
      if (ended === undefined)
        return { command, instance, status: 'under-way', detail: 'InProgress', lines: [] };
      const { ok, detail, lines } = ended;
      return { command, instance, status: ok ? 'succeeded' : 'failed', detail, lines };
    });
    return { instances, agents, commands, lifecycles: new Map(this.lifecycles) };
  }

  observePromotion(
    membership: MembershipObservation,
    reachability: readonly ObservedReachability[],
  ): PromotionObservation {
    const statuses = membership.instances.map(({ id }) => {
      const ok = this.hosts.get(id)?.alive === true;
      return { id, ok, detail: `system ok, instance ${ok ? 'ok' : 'impaired'}` };
    });
    const claims = [...this.claims.values()].sort((a, b) => a.epoch - b.epoch);
    const head = {
      version: claims.length,
      claim: claims.at(-1),
      reconciledFrom: 0,
      configuration: this.mirrorDigest,
    };
    const registers = new Map([['web', { head, claims, configuration: this.mirror }]]);
    const probes = this.probes.map(({ due, seen }) =>
      due <= this.now ? seen : { ...seen, ended: false, answered: [], probes: [] },
    );
    return { ...membership, statuses, reachability: [...probes.reverse(), ...reachability], registers };
  }

  look({ instance, where, by }: Extract<PromotionAction, { kind: 'probe' }>): ObservedReachability {
    const reached = this.hosts.get(instance)?.alive === true;
    const probes = by
      .filter((each) => this.hosts.get(each)?.alive === true)
      .map((each) => ({ by: each, reached, message: reached ? 'ok' : 'timed out' }));
    const connection = reached ? 'connected' : 'not connected';
    const answered = probes.map((each) => each.by);
    const common = { instance, requestedAt: this.now, ended: true, asked: by, answered };
    return where === 'itself'
      ? { ...common, connection: undefined, probes: [] }
      : { ...common, connection, probes };
  }

  // --- the scripts of host/

  send(
    step: TaskStep | 'push',
    instance: string,
    run: (host: Host) => Said,
    command = this.nextCommand(),
  ): string {
    // A promotion takes its time, so that others can come in between
    const due = this.now + (this.delay?.(step) ?? (step === 'promote' || step === 'rescue' ? 4000 : 1000));
    this.commands.push({ command, instance, due, requestedAt: this.now, run, ended: undefined });
    return command;
  }

  nextCommand(): string {
    this.#commandNumber += 1;
    return `00000000-0000-4000-8000-${String(this.#commandNumber).padStart(12, '0')}`;
  }

  promote(id: string, epoch: number): (host: Host) => Said {
    return (host) => {
      if (host.epoch > epoch) return olderEpoch;
      const holder = this.accepted.get(epoch);
      if (holder !== undefined && holder !== id)
        throw new Violation(`${id} takes the role of the primary in epoch ${epoch}, and ${holder} has it`);
      this.accepted.set(epoch, id);
      Object.assign(host, { epoch, hasKey: true, trusts: undefined, refusesWrites: false });
      return { ok: true, lines: [{ kind: 'promote', epoch, publicKey: keyOf(id) }] };
    };
  }

  join(id: string, epoch: number, publicKey: string, readable: boolean): (host: Host) => Said {
    return (host) => {
      if (host.epoch > epoch) return olderEpoch;
      if (host.joinFails !== undefined) return refused('not-ready', host.joinFails);
      Object.assign(host, { epoch, trusts: publicKey, readable });
      return { ok: true, lines: [{ kind: 'join', epoch, hostKey: keyOf(id) }] };
    };
  }

  leave(epoch: number, prepare: boolean): (host: Host) => Said {
    return (host) => {
      if (host.epoch > epoch) return olderEpoch;
      if (prepare && (!host.hasKey || host.epoch !== epoch)) return refused('not-ready', 'not the primary');
      if (prepare && host.hookFails) return refused('hook-failed', 'before-demotion ended with 1');
      host.refusesWrites = true;
      const since = host.listed === epoch ? host.list : new Set<string>();
      const list = new Set(host.files);
      if (!prepare) Object.assign(host, { epoch, hasKey: false, listed: epoch, list });
      const added = [...list].filter((file) => !since.has(file)).length;
      return {
        ok: true,
        lines: [
          prepare
            ? { kind: 'leave', prepared: true }
            : { kind: 'leave', prepared: false, epoch, stranded: list.size, new: added },
        ],
      };
    };
  }

  push(id: string, epoch: number, targets: readonly PushTarget[]): (host: Host) => Said {
    const requestedAt = this.now;
    return (host) => {
      if (host.epoch > epoch) return olderEpoch;
      if (!host.hasKey) return refused('not-ready', 'there is no key');
      const lines = targets.map((target): ScriptLine => {
        const result = this.#pushTo(id, host, target.id);
        const ok = typeof result === 'number';
        if (ok) this.#synced(target.id, requestedAt);
        return {
          kind: 'secondary',
          id: target.id,
          ok,
          ...(!ok && { error: result, message: result }),
          started: this.now / 1000,
          files: ok ? result : 0,
          deleted: 0,
          bytes: 1,
          seconds: 1,
        };
      });
      return { ok: lines.every((line) => line.kind === 'secondary' && line.ok), lines };
    };
  }

  /** @returns how many files were sent, or an error */
  #pushTo(id: string, source: Host, target: string): number | string {
    const host = this.hosts.get(target);
    if (host?.alive !== true) return 'unreachable';
    if (host.trusts !== keyOf(id)) return 'key-refused';
    const others = [...this.hosts].filter(([each]) => each !== target).map(([, { files }]) => files);
    const lost = [...host.files].filter((file) => !others.some((files) => files.has(file)));
    if (lost.length > 0 && !this.forgotten.has(target))
      throw new Violation(`a push of ${id} deletes the last copy of ${lost.join(', ')} on ${target}`);
    this.forgotten.delete(target);
    const missing = [...source.files].filter((file) => !host.files.has(file));
    host.files.clear();
    for (const file of source.files) host.files.add(file);
    return missing.length;
  }

  /** What the function command-result writes. */
  #synced(id: string, requestedAt: number): void {
    const { 'hostsync:state': state, 'hostsync:synced-at': syncedAt = '' } = this.tags(id);
    if (state !== 'in-sync' || requestedAt <= (Date.parse(syncedAt) || 0)) return;
    this.tag(id, { 'hostsync:synced-at': new Date(requestedAt).toISOString() });
  }

  rescue(id: string, epoch: number, sources: readonly PushTarget[], lists: boolean): (host: Host) => Said {
    return (primary) => {
      if (primary.epoch > epoch) return olderEpoch;
      const lines = sources.map(({ id: from }): ScriptLine => {
        const host = this.hosts.get(from);
        const fail = (error: string): ScriptLine => {
          return { kind: 'rescue', id: from, ok: false, error, message: error };
        };
        if (host?.alive !== true) return fail('unreachable');
        if (host.trusts !== keyOf(id) || !host.readable) return fail('key-refused');
        if (lists && host.listed !== epoch) return fail('not-prepared');
        const missing = [...(lists ? host.list : host.files)].filter((file) => !primary.files.has(file));
        for (const file of missing) primary.files.add(file);
        return { kind: 'rescue', id: from, ok: true, files: missing.length, conflicts: 0 };
      });
      return { ok: lines.every((line) => line.kind === 'rescue' && line.ok), lines };
    };
  }

  // --- the register

  /** One conditional write: whoever comes second changes nothing. */
  claim(
    { claim, seen: head }: Extract<PromotionAction, { kind: 'claim' }>,
    seen: PromotionObservation,
  ): void {
    if ((head?.version ?? 0) !== this.claims.size) return;
    const highest = Math.max(0, ...this.claims.keys());
    if (claim.epoch <= highest) throw new Violation(`epoch ${claim.epoch} is claimed after ${highest}`);
    const holder = seen.instances.find(({ id }) => id === claim.holder);
    if (holder === undefined) throw new Violation(`epoch ${claim.epoch} is claimed for nobody`);
    const blocker = promotionBlocker(holder, seen, this.settings, this.now);
    if ((claim.kind === 'failover' || claim.kind === 'switchover') && blocker !== undefined)
      throw new Violation(`${claim.holder} is to be promoted by itself, and ${blocker}`);
    this.claims.set(claim.epoch, claim);
  }

  /** A former primary is let out of quarantine: only when the primary has all that it holds. */
  expectRescued(id: string, primary: string): void {
    const has = this.hosts.get(primary)?.files;
    const lost = [...(this.hosts.get(id)?.files ?? [])].filter((file) => has?.has(file) === false);
    if (lost.length > 0) throw new Violation(`${id} leaves quarantine with ${lost.join(', ')} on it alone`);
  }

  // --- what is true in the end

  /** The primary by the tags as they are, if it is one in all respects. */
  primary(): ObservedInstance | undefined {
    const { current, superseded, tied } = findPrimary(this.instances());
    if (current === undefined || superseded.length + tied.length > 0 || !isEstablished(current))
      return undefined;
    const host = this.host(current.id);
    return host.hasKey && host.epoch === epochOf(current) ? current : undefined;
  }

  /** All that the end of one history is compared with that of another by: no times, no commands. */
  end(): unknown {
    const hosts = [...this.hosts].map(([id, { epoch, hasKey, trusts, files }]) => {
      const { 'hostsync:task': _task, ...tags } = this.tags(id);
      const plain = Object.entries(tags).filter(([key]) => !/synced-at|joined/u.test(key));
      return { id, epoch, hasKey, trusts, files: [...files].sort(), tags: Object.fromEntries(plain.sort()) };
    });
    return {
      hosts,
      mirror: this.mirror,
      claims: [...this.claims.values()].map(({ at: _at, ...each }) => each),
    };
  }
}

/** One run of a function. It takes its steps one at a time, and may be killed between any two of them. */
export class Run {
  readonly #group: SimulatedFailover;
  readonly #kind: 'promotion' | 'membership' | 'push';
  readonly #tick: number | undefined;
  readonly #reachability: ObservedReachability[] = [];
  /** What it has written itself it sees, whatever EC2 shows. */
  readonly #written = new Map<string, Map<string, string | undefined>>();
  #steps: (() => void)[] = [];
  /** There was nothing to do when it last looked. */
  quiet = false;
  /** What it decided, each reason once: `KIND: REASON`. */
  readonly planned: string[] = [];

  constructor(group: SimulatedFailover, kind: 'promotion' | 'membership' | 'push', tick?: number) {
    this.#group = group;
    this.#kind = kind;
    this.#tick = tick;
  }

  /** Takes one step, or looks and plans if there is none. */
  step(lag = 0): void {
    const next = this.#steps.shift();
    if (next === undefined) this.#plan(lag);
    else next();
  }

  /** @returns whether anything moved */
  finish(): boolean {
    for (let look = 0; look < 100; look++) {
      this.#plan(0);
      for (const step of this.#steps.splice(0)) step();
      if (this.quiet) return look > 0;
    }
    throw new Violation('a run never comes to rest');
  }

  #plan(lag: number): void {
    const group = this.#group;
    const membership = group.observe(this.#overlay(group.instances(lag)));
    const { settings, now } = group;
    if (this.#kind === 'push') {
      this.quiet = true;
      this.#steps = planPush(membership).flatMap((action) => {
        if (action.kind !== 'push') return [];
        const { primary, request } = action;
        const run = group.push(primary, request.epoch, request.secondaries);
        return [() => void group.send('push', primary, run)];
      });
      return;
    }
    if (this.#kind === 'membership') {
      const actions = planMembership(membership, settings, now);
      this.#note(actions);
      this.quiet = actions.every(({ kind }) => kind === 'wait' || kind === 'keep-alive');
      this.#steps = actions.flatMap((action) => this.#membershipSteps(action));
      return;
    }
    const observed = group.observePromotion(membership, this.#reachability);
    const actions = planPromotion({ observed, settings, now, tick: this.#tick });
    this.#note(actions);
    this.quiet = actions.every(({ kind }) => kind === 'wait');
    this.#steps = actions.flatMap((action) => this.#promotionSteps(action, observed));
  }

  #note(actions: readonly { readonly kind: string; readonly reason: string }[]): void {
    for (const { kind, reason } of actions)
      if (!this.planned.includes(`${kind}: ${reason}`)) this.planned.push(`${kind}: ${reason}`);
  }

  #overlay(instances: readonly ObservedInstance[]): readonly ObservedInstance[] {
    return instances.map((instance) => {
      const tags = new Map(Object.entries(instance.tags));
      for (const [key, value] of this.#written.get(instance.id) ?? [])
        if (value === undefined) tags.delete(key);
        else tags.set(key, value);
      return { ...instance, tags: Object.fromEntries(tags) };
    });
  }

  #write(ids: readonly string[], tags: Tags): () => void {
    return () => {
      for (const id of ids) {
        this.#group.tag(id, tags);
        for (const [key, value] of Object.entries(tags)) this.#remember(id, key, value);
      }
    };
  }

  #remove(id: string, keys: readonly string[]): () => void {
    return () => {
      if (keys.length === 0) return;
      this.#group.untag(id, keys);
      for (const key of keys) this.#remember(id, key, undefined);
    };
  }

  #remember(id: string, key: string, value: string | undefined): void {
    const own = this.#written.get(id) ?? new Map<string, string | undefined>();
    this.#written.set(id, own.set(key, value));
  }

  /** Has a host run a script, and writes down on hosts what was asked. */
  #run(
    step: TaskStep,
    instance: string,
    script: (host: Host) => Said,
    noted: readonly string[],
    { pass = 1, digest = '-' }: { readonly pass?: number; readonly digest?: string } = {},
  ): readonly (() => void)[] {
    let command = '';
    let requestedAt = 0;
    return [
      () => {
        command = this.#group.send(step, instance, script);
        requestedAt = this.#group.now;
      },
      () =>
        this.#write(noted, { 'hostsync:task': formatTask({ step, pass, digest, command, requestedAt }) })(),
    ];
  }

  #promotionSteps(action: PromotionAction, observed: PromotionObservation): readonly (() => void)[] {
    const group = this.#group;
    switch (action.kind) {
      case 'tell':
        return [() => void group.notifications.push(action.event)];
      case 'claim':
        return [() => group.claim(action, observed)];
      case 'run': {
        const { step, instance, request } = action;
        const script =
          request.script === 'promote'
            ? group.promote(instance, request.value.epoch)
            : request.script === 'leave'
              ? group.leave(request.value.epoch, request.value.prepare)
              : group.push(instance, request.value.epoch, request.value.secondaries);
        return this.#run(step, instance, script, [instance], action);
      }
      case 'cancel-pushes':
      case 'wait':
        return [];
      case 'tag':
        return [
          this.#write(action.instances, action.set),
          ...action.instances.map((id) => this.#remove(id, action.remove)),
        ];
      case 'mirror':
        return [
          () => {
            group.mirror = { primary: action.primary, tags: action.tags };
          },
          () => {
            group.mirrorDigest = action.digest;
          },
        ];
      case 'probe':
        return [
          () => {
            const seen = group.look(action);
            const takes = group.delay?.(action.where === 'itself' ? 'question' : 'probe');
            if (takes === undefined) this.#reachability.push(seen);
            else group.probes.push({ due: group.now + takes, seen });
          },
        ];
    }
  }

  #membershipSteps(action: MembershipAction): readonly (() => void)[] {
    const group = this.#group;
    switch (action.kind) {
      case 'join': {
        const { instances, newcomers, request, digest } = action;
        const { epoch, publicKey, readable } = request;
        const command = group.nextCommand();
        const requestedAt = group.now;
        const task = formatTask({ step: 'join', pass: 1, digest, command, requestedAt });
        return [
          () => {
            for (const id of instances)
              group.send('join', id, group.join(id, epoch, publicKey, readable !== undefined), command);
          },
          this.#write(newcomers, { 'hostsync:state': 'joining' }),
          this.#write(instances, { 'hostsync:task': task }),
        ];
      }
      case 'record-join': {
        const { instance, hostKey, epoch, digest, over } = action;
        const cleared = over?.code === 'join-failed' ? ['hostsync:incident'] : [];
        return [
          () => void group.notifications.push(...overEvents('Join Failed', action, group.now)),
          this.#write([instance], {
            'hostsync:host-key': hostKey,
            'hostsync:epoch': String(epoch),
            'hostsync:joined': digest,
          }),
          this.#remove(instance, ['hostsync:task', 'hostsync:join-incident', ...cleared]),
        ];
      }
      case 'first-sync': {
        const { primary, request, passes } = action;
        const [pass = 1] = passes.values();
        const script = group.push(primary, request.epoch, request.secondaries);
        return this.#run('first-sync', primary, script, [...passes.keys()], { pass });
      }
      case 'notify-rescued':
      case 'notify-kept':
        return [];
      case 'leave':
      case 'relist': {
        const { kind, instance, request } = action;
        return this.#run(kind, instance, group.leave(request.epoch, request.prepare), [instance]);
      }
      case 'record-left':
        return [
          this.#write([action.instance], { 'hostsync:left': String(action.epoch) }),
          this.#remove(action.instance, ['hostsync:task']),
        ];
      case 'gather':
      case 'rescue': {
        const { kind, primary, request } = action;
        const script = group.rescue(primary, request.epoch, request.sources, request.lists);
        const sources = request.sources.map(({ id }) => id);
        return this.#run(kind, primary, script, sources);
      }
      case 'record-gathered': {
        const { instance, epoch, released, primary } = action;
        const done = ['hostsync:task', ...(released ? ['hostsync:left', 'hostsync:incident'] : [])];
        return [
          () => group.expectRescued(instance, primary),
          this.#write([instance], {
            'hostsync:gathered': String(epoch),
            ...(released && { 'hostsync:state': 'joining' }),
          }),
          this.#remove(instance, done),
        ];
      }
      case 'admit':
        return [
          () => void group.notifications.push(...overEvents('Join Failed', action, group.now)),
          this.#write([action.instance], {
            'hostsync:state': 'in-sync',
            'hostsync:gathered': String(action.epoch),
            'hostsync:synced-at': new Date(action.syncedAt).toISOString(),
          }),
          this.#remove(action.instance, ['hostsync:task', 'hostsync:incident']),
        ];
      case 'report-failure':
        return [
          () => void group.notifications.push(...failureEvents(action)),
          this.#write([action.instance], { [failureKey(action)]: formatIncident(action.incident) }),
        ];
      case 'set-list':
        return [this.#write([action.primary], action.set), this.#remove(action.primary, action.remove)];
      case 'clear-state':
        return [() => void group.forgotten.add(action.instance), this.#remove(action.instance, action.keys)];
      case 'complete-hook':
        return [
          () => {
            const lifecycle = group.lifecycles.get(action.instance);
            if (lifecycle?.state === 'Terminating:Wait') group.terminate(action.instance);
          },
        ];
      case 'keep-alive':
      case 'release':
      case 'wait':
        return [];
    }
  }
}

/** The ticks go on, each with all three runs, until nothing moves any more. */
export function settle(group: SimulatedFailover, rounds = 80): void {
  let still = 0;
  for (let round = 0; round < rounds && still < 6; round++) {
    const runs = [new Run(group, 'promotion', tickOf(group)), new Run(group, 'membership')];
    const moved = runs.map((run) => run.finish()).includes(true);
    new Run(group, 'push').finish();
    still = moved ? 0 : still + 1;
    group.advance(20);
  }
}

/** The minute that the schedule names. */
export function tickOf({ now }: SimulatedFailover): number {
  return Math.floor(now / 60_000) * 60_000;
}
