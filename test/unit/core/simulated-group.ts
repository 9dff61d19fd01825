import type { MembershipAction } from '../../../shared/core/membership/membership-action.ts';
import { formatIncident } from '../../../shared/core/model/incident.ts';
import type {
  MembershipObservation,
  ObservedCommand,
  ObservedInstance,
  ObservedLifecycle,
} from '../../../shared/core/model/observation.ts';
import type { ScriptLine } from '../../../shared/core/model/script-line.ts';
import { formatTask, type TaskStep } from '../../../shared/core/model/task.ts';
import { hostKey } from './fixtures.ts';

/** Just enough of AWS and of the hosts to carry a membership plan out and look again. Time is in seconds, and moves only when told. */
export class SimulatedGroup {
  now = 1_800_000_000_000;
  readonly instances = new Map<string, { state: string; tags: Record<string, string>; launchedAt: number }>();
  readonly lifecycles = new Map<string, ObservedLifecycle>();
  readonly offline = new Set<string>();
  readonly commands: ObservedCommand[] = [];
  /** Host keys that join prints; how often each secondary was pushed to since it last lacked something. */
  readonly received = new Map<string, number>();
  readonly completed: {
    readonly instance: string;
    readonly hook: string;
    readonly result: string;
    readonly listed: string;
  }[] = [];
  /** What a person was told of hosts that cannot join. */
  readonly notifications: { readonly instance: string; readonly message: string }[] = [];
  /** Those that have IPv6 addresses only; all others have IPv4 addresses only. */
  readonly withIpv6 = new Set<string>();
  /** What join says instead of its result. */
  fails: ScriptLine | undefined;
  #commandNumber = 0;

  add(id: string, tags: Record<string, string>, state = 'running'): void {
    this.instances.set(id, { state, tags: { 'hostsync:group': 'web', ...tags }, launchedAt: this.now });
  }

  observe(): MembershipObservation {
    const instances: ObservedInstance[] = [...this.instances].map(([id, { state, tags, launchedAt }]) => {
      return {
        id,
        state,
        ...(this.withIpv6.has(id)
          ? { address: undefined, ipv6Address: `2001:db8::${Number.parseInt(id.slice(2), 16)}` }
          : { address: `10.0.0.${Number.parseInt(id.slice(2), 16)}` }),
        tags: { ...tags },
        launchedAt,
      };
    });
    const agents = instances
      .filter(({ state }) => state === 'running')
      .map(({ id, address }) => ({ id, online: !this.offline.has(id), address }));
    return { instances, agents, lifecycles: new Map(this.lifecycles), commands: [...this.commands] };
  }

  setLifecycle(id: string, state: string): void {
    this.lifecycles.set(id, { id, autoScalingGroup: 'asg', state });
  }

  carryOut(action: MembershipAction): void {
    switch (action.kind) {
      case 'join':
        for (const id of action.instances)
          this.#command(
            'join',
            [id],
            id,
            () => [{ kind: 'join', epoch: action.request.epoch, hostKey }],
            action.digest,
          );
        return;
      case 'record-join': {
        const { instance, digest, epoch } = action;
        this.#tag(instance, {
          'hostsync:host-key': action.hostKey,
          'hostsync:joined': digest,
          'hostsync:epoch': String(epoch),
        });
        return;
      }
      case 'first-sync': {
        const ids = action.request.secondaries.map(({ id }) => id);
        const lines = () => ids.map((id) => this.#push(id));
        this.#command('first-sync', ids, action.primary, lines, '-', action.passes);
        return;
      }
      case 'notify-rescued':
      case 'notify-kept':
        return;
      case 'leave':
      case 'relist':
        this.#command(action.kind, [action.instance], action.instance, () => [
          { kind: 'leave', prepared: false, epoch: action.request.epoch, stranded: 0 },
        ]);
        return;
      case 'record-left':
        this.#tag(action.instance, { 'hostsync:left': String(action.epoch) });
        this.#untag(action.instance, ['hostsync:task']);
        return;
      case 'gather':
      case 'rescue': {
        const ids = action.request.sources.map(({ id }) => id);
        this.#command(action.kind, ids, action.primary, () =>
          ids.map((id) => ({ kind: 'rescue', id, ok: true, files: 0, conflicts: 0 })),
        );
        return;
      }
      case 'record-gathered':
        this.#tag(action.instance, {
          'hostsync:gathered': String(action.epoch),
          ...(action.released && { 'hostsync:state': 'joining' }),
        });
        this.#untag(action.instance, ['hostsync:task', ...(action.released ? ['hostsync:left'] : [])]);
        return;
      case 'admit':
        this.#tag(action.instance, {
          'hostsync:state': 'in-sync',
          'hostsync:synced-at': new Date(action.syncedAt).toISOString(),
          'hostsync:gathered': String(action.epoch),
        });
        this.#untag(action.instance, ['hostsync:task', 'hostsync:incident']);
        return;
      case 'report-failure':
        if (action.incident.notifications > 0)
          this.notifications.push({ instance: action.instance, message: action.message });
        this.#tag(action.instance, { 'hostsync:incident': formatIncident(action.incident) });
        return;
      case 'set-list':
        this.#tag(action.primary, action.set);
        this.#untag(action.primary, action.remove);
        return;
      case 'clear-state':
        this.#untag(action.instance, action.keys);
        return;
      case 'complete-hook': {
        const lifecycle = this.lifecycles.get(action.instance);
        if (lifecycle === undefined) throw new Error('no such hook');
        this.completed.push({
          instance: action.instance,
          hook: action.hook,
          result: action.result,
          listed: this.list(),
        });
        const state = lifecycle.state.startsWith('Pending')
          ? 'InService'
          : lifecycle.state.replace(':Wait', ':Proceed');
        this.lifecycles.set(action.instance, { ...lifecycle, state });
        return;
      }
      case 'release':
        this.setLifecycle(action.instance, 'Terminating:Wait');
        return;
      case 'keep-alive':
      case 'wait':
        return;
    }
  }

  /** The whole list, over all shards. */
  list(): string {
    const primary = [...this.instances.values()].find(({ tags }) => tags['hostsync:primary'] !== undefined);
    return Object.entries(primary?.tags ?? {})
      .filter(([key]) => key.startsWith('hostsync:secondaries'))
      .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
      .map(([, value]) => value)
      .join(' ');
  }

  /** The first push brings files, each later one none. */
  #push(id: string): ScriptLine {
    const before = this.received.get(id) ?? 0;
    this.received.set(id, before + 1);
    return {
      kind: 'secondary',
      id,
      ok: true,
      started: this.now / 1000,
      files: before === 0 ? 7 : 0,
      deleted: 0,
      bytes: 1,
      seconds: 1,
    };
  }

  #command(
    step: TaskStep,
    tagged: readonly string[],
    instance: string,
    lines: () => readonly ScriptLine[],
    digest = '-',
    passes: ReadonlyMap<string, number> = new Map(),
  ): void {
    this.#commandNumber += 1;
    const command = `00000000-0000-4000-8000-${String(this.#commandNumber).padStart(12, '0')}`;
    const failure = step === 'join' ? this.fails : undefined;
    this.commands.push(
      failure === undefined
        ? { command, instance, status: 'succeeded', detail: 'Success', lines: lines() }
        : { command, instance, status: 'failed', detail: 'Failed', lines: [failure] },
    );
    for (const id of tagged) {
      const task = { step, pass: passes.get(id) ?? 1, digest, command, requestedAt: this.now };
      const state = this.instances.get(id)?.tags['hostsync:state'] ? {} : { 'hostsync:state': 'joining' };
      this.#tag(id, { 'hostsync:task': formatTask(task), ...state });
    }
  }

  #tag(id: string, tags: Readonly<Record<string, string>>): void {
    Object.assign(this.instances.get(id)?.tags ?? {}, tags);
  }

  #untag(id: string, keys: readonly string[]): void {
    const instance = this.instances.get(id);
    if (instance !== undefined) for (const key of keys) delete instance.tags[key];
  }
}
