import { type GroupConfiguration, groupNameProblem, parseConfiguration } from './group.ts';
import { hookNames, isLeaving, isWarm, waitingHook } from './lifecycle.ts';
import type {
  MembershipObservation,
  ObservedCommand,
  ObservedInstance,
  SecondaryLine,
} from './observation.ts';
import { formatJoinRequest, type JoinRequest, type PromoteRequest, type PushRequest } from './request.ts';
import { formatSecondaries, listEntry, shardNumber, sshPort } from './secondaries.ts';
import { stateTagKeys, tagKeys } from './tag-keys.ts';
import { digest, parseTask, type Task } from './task.ts';

/** How long a launch may take, and what becomes of one that takes longer. */
export interface JoinSettings {
  /** Seconds from the start of the instance to the completion of its launch hook. */
  readonly joinTimeout: number;
  /** What the launch hook is told when that time is over. */
  readonly joinFailure: 'ABANDON' | 'CONTINUE';
}

/** A command that was asked for, failed, and is asked for again: not before so many seconds. */
const retryAfter = 15;
/** How long SSM may not know a command that it has accepted, in seconds: GetCommandInvocation is eventually consistent. */
const unknownFor = 60;
/** A first sync of a busy primary never ends with nothing left to send. From this pass on, a short one will do. */
const settledAfterPasses = 3;
/** Shorter than the time between two ticks, in seconds: what has come since is what any secondary lacks. */
const shortPass = 30;

/** One step towards every host of a group being what its instance's state asks for. */
export type MembershipAction =
  | {
      readonly kind: 'promote';
      readonly group: string;
      readonly primary: string;
      readonly request: PromoteRequest;
      readonly reason: string;
    }
  | {
      readonly kind: 'record-public-key';
      readonly group: string;
      readonly primary: string;
      readonly publicKey: string;
      readonly reason: string;
    }
  | {
      readonly kind: 'join';
      readonly group: string;
      readonly instances: readonly string[];
      readonly request: JoinRequest;
      readonly digest: string;
      readonly reason: string;
    }
  | {
      readonly kind: 'record-join';
      readonly group: string;
      readonly instance: string;
      readonly hostKey: string;
      readonly epoch: number;
      readonly digest: string;
      readonly reason: string;
    }
  | {
      readonly kind: 'first-sync';
      readonly group: string;
      readonly primary: string;
      readonly request: PushRequest;
      /** The number of the pass, by secondary. */
      readonly passes: ReadonlyMap<string, number>;
      readonly reason: string;
    }
  | {
      readonly kind: 'admit';
      readonly group: string;
      readonly instance: string;
      readonly syncedAt: number;
      readonly reason: string;
    }
  | {
      readonly kind: 'set-list';
      readonly group: string;
      readonly primary: string;
      readonly set: Readonly<Record<string, string>>;
      readonly remove: readonly string[];
      readonly joined: readonly string[];
      readonly left: readonly string[];
      readonly reason: string;
    }
  | {
      readonly kind: 'clear-state';
      readonly group: string;
      readonly instance: string;
      readonly keys: readonly string[];
      readonly reason: string;
    }
  | {
      readonly kind: 'complete-hook';
      readonly group: string;
      readonly instance: string;
      readonly autoScalingGroup: string;
      readonly hook: string;
      readonly result: 'CONTINUE' | 'ABANDON';
      /** The launch is given up: somebody must be told. */
      readonly failed: boolean;
      readonly reason: string;
    }
  | {
      readonly kind: 'keep-alive';
      readonly group: string;
      readonly instance: string;
      readonly autoScalingGroup: string;
      readonly hook: string;
      readonly reason: string;
    }
  | { readonly kind: 'wait'; readonly group: string; readonly instance: string; readonly reason: string };

/** A group that can take newcomers: one primary, well configured, up, with a known key. */
interface Ready {
  readonly primary: ObservedInstance;
  readonly configuration: GroupConfiguration;
  readonly publicKey: string;
}

/** What all decisions of one plan look at. */
interface View {
  readonly observed: MembershipObservation;
  readonly settings: JoinSettings;
  readonly now: number;
  readonly online: ReadonlySet<string>;
}

/**
 * What is to be done next so that the hosts of every group join and leave as they come and go. It is made from what is
 * there, not from events, so it can be made again after any interruption and gives what is left to do.
 *
 * @param now milliseconds since 1970
 */
export function planMembership(
  observed: MembershipObservation,
  settings: JoinSettings,
  now: number,
): readonly MembershipAction[] {
  const online = new Set(observed.agents.filter((agent) => agent.online).map(({ id }) => id));
  const view: View = { observed, settings, now, online };
  const groups = Map.groupBy(observed.instances, ({ tags }) => tags[tagKeys.group]);
  return [...groups].flatMap(([group, members]) =>
    group === undefined ? members.flatMap(planUntagged) : planGroup(group, members, view),
  );
}

/** An instance that lost `hostsync:group` and still carries what hostsync wrote. */
function planUntagged({ id, tags }: ObservedInstance): readonly MembershipAction[] {
  const keys = stateKeysOf(tags);
  if (keys.length === 0) return [];
  const reason = `${id} no longer carries ${tagKeys.group}: what hostsync wrote there goes`;
  return [{ kind: 'clear-state', group: '', instance: id, keys, reason }];
}

function stateKeysOf(tags: Readonly<Record<string, string>>): readonly string[] {
  return stateTagKeys.filter((key) => tags[key] !== undefined);
}

function planGroup(
  group: string,
  members: readonly ObservedInstance[],
  view: View,
): readonly MembershipAction[] {
  if (members.some(({ id }) => groupNameProblem(id, group) !== undefined)) return [];
  const primaries = members.filter(({ tags }) => tags[tagKeys.primary] !== undefined);
  const others = members.filter(({ tags }) => tags[tagKeys.primary] === undefined);
  const ready = readiness(group, primaries, view);
  const steps = others.flatMap((instance) => planInstance(group, instance, ready, view));
  // The list first: a host that is told to take traffic is in it already
  return [
    ...planList(group, primaries, others, view),
    ...(typeof ready === 'object' && 'kind' in ready ? [ready] : []),
    ...mergeCommands(steps),
  ];
}

/** The group's readiness to take newcomers; or the one step that brings it nearer; or why it is not ready. */
function readiness(
  group: string,
  primaries: readonly ObservedInstance[],
  view: View,
): Ready | MembershipAction | string {
  const [primary, ...more] = primaries;
  if (primary === undefined) return 'the group has no primary';
  if (more.length > 0) return 'the group has several primaries';
  if (primary.tags[tagKeys.paused] !== undefined) return 'the group is paused';
  const configuration = parseConfiguration(primary);
  if (!configuration.ok) return 'the tags of the primary are wrong';
  if (primary.state !== 'running') return `the primary is ${primary.state}`;
  if (!view.online.has(primary.id)) return 'the SSM agent of the primary is not online';
  const publicKey = primary.tags[tagKeys.publicKey];
  if (publicKey !== undefined) return { primary, configuration: configuration.value, publicKey };

  const request = { group, epoch: configuration.value.epoch };
  const task = parseTask(primary.tags[tagKeys.task]);
  const promote = (reason: string): MembershipAction => ({
    kind: 'promote',
    group,
    primary: primary.id,
    request,
    reason,
  });
  if (task?.step !== 'promote') return promote(`the primary ${primary.id} has no key yet`);
  const outcome = outcomeOf(task, primary.id, view);
  switch (outcome.kind) {
    case 'under-way':
      return 'the primary makes its key';
    case 'again':
      return promote(`${outcome.reason}: the primary ${primary.id} is asked for its key again`);
    case 'ended': {
      const line = outcome.command.lines.find((each) => each.kind === 'promote');
      if (line === undefined) return promote(`the primary ${primary.id} printed no key`);
      return {
        ...{ kind: 'record-public-key', group, primary: primary.id, publicKey: line.publicKey },
        reason: `the primary ${primary.id} made its key`,
      };
    }
  }
}

type Outcome =
  | { readonly kind: 'under-way'; readonly reason: string }
  | { readonly kind: 'again'; readonly reason: string }
  | { readonly kind: 'ended'; readonly command: ObservedCommand };

/** What became of a task: it still runs, it ended (well or, as a push with one failed host, not), or it has to be asked for again. */
function outcomeOf(task: Task, host: string, { observed, now }: View): Outcome {
  const age = (now - task.requestedAt) / 1000;
  const command = observed.commands.find((each) => each.command === task.command && each.instance === host);
  if (command === undefined)
    return age < unknownFor
      ? { kind: 'under-way', reason: `SSM does not show the command ${task.command} yet` }
      : { kind: 'again', reason: `SSM does not know the command ${task.command}` };
  if (command.status === 'under-way')
    return { kind: 'under-way', reason: `${task.step} runs since ${Math.round(age)} s` };
  if (command.status === 'succeeded' || command.lines.some((line) => line.kind === 'secondary'))
    return { kind: 'ended', command };
  const said = command.lines.find((line) => line.kind === 'error');
  const reason = `${task.step} failed on ${host} (${command.detail})${said === undefined ? '' : `: ${said.error}: ${said.message}`}`;
  return age < retryAfter ? { kind: 'under-way', reason } : { kind: 'again', reason };
}

/** The next step for one host that is not the primary. */
function planInstance(
  group: string,
  instance: ObservedInstance,
  ready: Ready | MembershipAction | string,
  view: View,
): readonly MembershipAction[] {
  const lifecycle = view.observed.lifecycles.get(instance.id);
  if (isGone(instance, view)) {
    const keys = stateKeysOf(instance.tags);
    const why =
      isLeaving(lifecycle) || isWarm(lifecycle)
        ? `Auto Scaling has it ${lifecycle?.state}`
        : `it is ${instance.state}`;
    return [
      ...(keys.length === 0
        ? []
        : [
            {
              kind: 'clear-state',
              group,
              instance: instance.id,
              keys,
              reason: `${instance.id} leaves: ${why}`,
            } as const,
          ]),
      ...completeHook(group, instance, view, 'CONTINUE', `${instance.id} is no secondary: ${why}`),
    ];
  }
  if (instance.tags[tagKeys.state] === 'quarantined') return [];
  if (isMember(instance)) {
    const again =
      typeof ready === 'object' && 'configuration' in ready ? planJoin(group, instance, ready, view) : [];
    return [...again, ...completeHook(group, instance, view, 'CONTINUE', `${instance.id} has the files`)];
  }
  if (instance.state !== 'running') return [];
  return [...planNewcomer(group, instance, ready, view), ...holdHook(group, instance, view)];
}

/** No longer, or not now, a host of its group. A stopped one joins again when it is started. */
function isGone(instance: ObservedInstance, { observed }: View): boolean {
  const lifecycle = observed.lifecycles.get(instance.id);
  return (
    ['stopping', 'stopped', 'shutting-down'].includes(instance.state) ||
    isWarm(lifecycle) ||
    isLeaving(lifecycle)
  );
}

/** It has all the files, or had them and is behind. */
function isMember({ tags }: ObservedInstance): boolean {
  return tags[tagKeys.state] === 'in-sync' || tags[tagKeys.state] === 'behind';
}

function planNewcomer(
  group: string,
  instance: ObservedInstance,
  ready: Ready | MembershipAction | string,
  view: View,
): readonly MembershipAction[] {
  const wait = (reason: string): readonly MembershipAction[] => [
    { kind: 'wait', group, instance: instance.id, reason },
  ];
  if (typeof ready === 'string') return wait(`${instance.id} cannot join: ${ready}`);
  if ('kind' in ready) return wait(`${instance.id} joins when the primary has its key`);
  const joining = planJoin(group, instance, ready, view);
  return joining.length > 0 ? joining : planFirstSync(group, instance, ready, view);
}

/** The step that makes a host trust the primary's key and have its directories as modules; none if it does already. */
function planJoin(
  group: string,
  instance: ObservedInstance,
  ready: Ready,
  view: View,
): readonly MembershipAction[] {
  const { primary, configuration, publicKey } = ready;
  const { epoch, directories } = configuration;
  const request: JoinRequest = { group, epoch, directories, owner: undefined, publicKey };
  const wanted = digest(`${primary.id}\n${formatJoinRequest(request)}`);
  const { id, tags } = instance;
  if (tags[tagKeys.joined] === wanted && tags[tagKeys.hostKey] !== undefined) return [];
  const join = (reason: string): readonly MembershipAction[] => [
    { kind: 'join', group, instances: [id], request, digest: wanted, reason },
  ];
  if (!view.online.has(id))
    return [{ kind: 'wait', group, instance: id, reason: `the SSM agent of ${id} is not online yet` }];
  const task = parseTask(tags[tagKeys.task]);
  if (task?.step !== 'join' || task.digest !== wanted)
    return join(`${id} is to trust the key of ${primary.id} and to receive ${directories.join(' ')}`);
  const outcome = outcomeOf(task, id, view);
  switch (outcome.kind) {
    case 'under-way':
      return [{ kind: 'wait', group, instance: id, reason: outcome.reason }];
    case 'again':
      return join(outcome.reason);
    case 'ended': {
      const line = outcome.command.lines.find((each) => each.kind === 'join');
      if (line === undefined) return join(`${id} printed no host key`);
      return [
        {
          ...{ kind: 'record-join', group, instance: id, hostKey: line.hostKey, epoch, digest: wanted },
          reason: `${id} is joined; its host key is pinned from now on`,
        },
      ];
    }
  }
}

/** The passes of the first sync, until one finds nothing left. */
function planFirstSync(
  group: string,
  instance: ObservedInstance,
  ready: Ready,
  view: View,
): readonly MembershipAction[] {
  const { primary, configuration } = ready;
  const { id, tags, address } = instance;
  const wait = (reason: string): readonly MembershipAction[] => [
    { kind: 'wait', group, instance: id, reason },
  ];
  if (address === undefined) return wait(`${id} has no private IPv4 address yet`);
  const sync = (pass: number, reason: string): readonly MembershipAction[] => [
    {
      ...{ kind: 'first-sync', group, primary: primary.id, passes: new Map([[id, pass]]), reason },
      request: {
        ...{
          group,
          epoch: configuration.epoch,
          directories: configuration.directories,
          excludes: configuration.excludes,
        },
        secondaries: [{ id, address, port: sshPort, hostKey: tags[tagKeys.hostKey] }],
      },
    },
  ];
  const task = parseTask(tags[tagKeys.task]);
  if (task?.step !== 'first-sync') return sync(1, `${id} gets its first sync`);
  const outcome = outcomeOf(task, primary.id, view);
  switch (outcome.kind) {
    case 'under-way':
      return wait(`${id}: ${outcome.reason}`);
    case 'again':
      return sync(task.pass, outcome.reason);
    case 'ended': {
      const line = outcome.command.lines.find((each) => each.kind === 'secondary' && each.id === id);
      if (line === undefined || line.kind !== 'secondary')
        return sync(task.pass, `${primary.id} printed nothing on ${id}`);
      if (!line.ok) {
        const reason = `the first sync of ${id} failed: ${line.error}: ${line.message}`;
        return view.now - task.requestedAt < retryAfter * 1000 ? wait(reason) : sync(task.pass, reason);
      }
      const verified = verification(line, task.pass);
      if (verified === undefined)
        return sync(
          task.pass + 1,
          `${id} got ${line.files} files in pass ${task.pass}; another looks whether all is there`,
        );
      return [
        {
          kind: 'admit',
          group,
          instance: id,
          syncedAt: line.started * 1000,
          reason: `${id} is in sync: ${verified}`,
        },
      ];
    }
  }
}

/** Why a pass proves that the host has the files, or nothing. */
function verification(line: SecondaryLine, pass: number): string | undefined {
  if (pass === 1) return undefined;
  if (line.files === 0 && line.deleted === 0) return `pass ${pass} found nothing left to send`;
  if (pass >= settledAfterPasses && line.seconds < shortPass)
    return `pass ${pass} took ${line.seconds} s and sent only what had changed since pass ${pass - 1}`;
  return undefined;
}

/** One command for all hosts that are asked the same; the first passes of one primary go together as well. */
function mergeCommands(actions: readonly MembershipAction[]): readonly MembershipAction[] {
  const merged: MembershipAction[] = [];
  for (const action of actions) {
    const index = merged.findIndex((each) => each.kind === action.kind && isSameCommand(each, action));
    const earlier = merged[index];
    if (earlier?.kind === 'join' && action.kind === 'join' && earlier.instances.length < 50)
      merged[index] = { ...earlier, instances: [...earlier.instances, ...action.instances] };
    else if (earlier?.kind === 'first-sync' && action.kind === 'first-sync')
      merged[index] = {
        ...earlier,
        request: {
          ...earlier.request,
          secondaries: [...earlier.request.secondaries, ...action.request.secondaries],
        },
        passes: new Map([...earlier.passes, ...action.passes]),
        reason: `${earlier.reason}; ${action.reason}`,
      };
    else merged.push(action);
  }
  return merged;
}

function isSameCommand(a: MembershipAction, b: MembershipAction): boolean {
  if (a.kind === 'join' && b.kind === 'join') return a.digest === b.digest && a.instances.length < 50;
  return a.kind === 'first-sync' && b.kind === 'first-sync';
}

/** Keeps a newcomer's hook alive, or gives the launch up when its time is over. */
function holdHook(group: string, instance: ObservedInstance, view: View): readonly MembershipAction[] {
  const lifecycle = view.observed.lifecycles.get(instance.id);
  if (lifecycle === undefined || waitingHook(lifecycle) !== 'launch') return [];
  const age = instance.launchedAt === undefined ? 0 : (view.now - instance.launchedAt) / 1000;
  const { joinTimeout, joinFailure } = view.settings;
  if (age > joinTimeout)
    return completeHook(
      group,
      instance,
      view,
      joinFailure,
      `${instance.id} did not join within ${joinTimeout} s`,
      true,
    );
  const { autoScalingGroup } = lifecycle;
  return [
    {
      ...{ kind: 'keep-alive', group, instance: instance.id, autoScalingGroup, hook: hookNames.launch },
      reason: `${instance.id} is still joining, ${Math.round(age)} of ${joinTimeout} s`,
    },
  ];
}

function completeHook(
  group: string,
  { id }: ObservedInstance,
  { observed }: View,
  result: 'CONTINUE' | 'ABANDON',
  reason: string,
  failed = false,
): readonly MembershipAction[] {
  const lifecycle = observed.lifecycles.get(id);
  const hook = waitingHook(lifecycle);
  if (lifecycle === undefined || hook === undefined) return [];
  const { autoScalingGroup } = lifecycle;
  return [
    {
      kind: 'complete-hook',
      group,
      instance: id,
      autoScalingGroup,
      hook: hookNames[hook],
      result,
      failed,
      reason,
    },
  ];
}

/**
 * The list on the primary, made from what the instances themselves say: members that are missing go in, instances that
 * are gone go out, and whatever is no EC2 instance stays as the operator wrote it. Because every writer writes the
 * whole list, a write that was made from an older view is mended by the next.
 */
function planList(
  group: string,
  primaries: readonly ObservedInstance[],
  others: readonly ObservedInstance[],
  view: View,
): readonly MembershipAction[] {
  const [primary, ...more] = primaries;
  if (primary === undefined || more.length > 0) return [];
  const configuration = parseConfiguration(primary);
  if (!configuration.ok) return [];
  const present = new Set(others.filter((each) => !isGone(each, view)).map(({ id }) => id));
  const current = configuration.value.secondaries;
  const kept = current.filter((each) => each.kind !== 'instance' || present.has(each.id)).map(listEntry);
  const left = current.map(listEntry).filter((entry) => !kept.includes(entry));
  const joined = others
    .filter((each) => isMember(each) && present.has(each.id) && !kept.includes(each.id))
    .map(({ id }) => id)
    .sort();
  if (left.length === 0 && joined.length === 0) return [];
  const set = formatSecondaries([...kept, ...joined]);
  const remove = Object.keys(primary.tags).filter((key) => shardNumber(key) !== undefined && !(key in set));
  const changed = Object.fromEntries(
    Object.entries(set).filter(([key, value]) => primary.tags[key] !== value),
  );
  return [
    {
      ...{ kind: 'set-list', group, primary: primary.id, set: changed, remove, joined, left },
      reason: [
        ...(joined.length > 0 ? [`${joined.join(', ')} joined`] : []),
        ...(left.length > 0 ? [`${left.join(', ')} left`] : []),
      ].join('; '),
    },
  ];
}
