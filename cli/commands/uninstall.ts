import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteLifecycleHookCommand, DeleteTagsCommand } from '@aws-sdk/client-auto-scaling';
import { observeGroup } from '../../shared/aws/ec2.ts';
import { forgetGroup } from '../../shared/aws/memory.ts';
import type { ObservedInstance } from '../../shared/core/model/observation.ts';
import { findPrimary } from '../../shared/core/model/primary.ts';
import { tagKeys } from '../../shared/core/model/tag-keys.ts';
import { uninstallByHand } from '../../shared/core/operator/uninstall-answer.ts';
import { type Change, makeChange, writeTags } from '../change.ts';
import { readAutoScaling } from '../doctor/gather-group.ts';
import { CommandError, exitCodes } from '../errors.ts';
import type { ActionOptions } from '../options.ts';
import type { TagChange } from '../output/aws-line.ts';
import type { Session } from '../session.ts';
import { uninstallDocument, uninstallHosts, untilQuiet } from './uninstall-hosts.ts';

export interface UninstallOptions extends ActionOptions {
  readonly group?: string;
  /** Also what is the operator's on the hosts. */
  readonly purge?: boolean;
}

/** Milliseconds between two tries: a look that began before may still write a tag. */
const retryPause = 2_000;

/** Takes hostsync off the hosts of a group, and away what it set in the account. @returns 1 if something is left on a host */
export async function uninstall(session: Session, options: UninstallOptions): Promise<number> {
  const group = await session.group(options.group);
  const { terminal } = session;
  const document = uninstallDocument(session);
  const members = await observeGroup(session.clients.ec2, group);
  const { current } = findPrimary(members);
  const scaling = await autoScalingOf(session, members);
  if (!(await makeChange(session, options, changeOf(group, members, scaling, options.purge === true))))
    return 0;
  if (current !== undefined)
    await untilQuiet(session, group, async () => {
      const now = await observeGroup(session.clients.ec2, group);
      return now.every(({ id, tags }) => id !== current.id || tags[tagKeys.paused] !== undefined);
    });
  const left = await uninstallHosts(session, {
    group,
    document,
    members,
    purges: options.purge === true,
  });
  await writeTags(session, removals(members, current));
  await releaseAutoScaling(session, scaling);
  await untilClean(session, group, members, options.timeout);
  const items = await forget(session, group);
  terminal.say(`${terminal.symbol('ok')} tags of ${members.length} hosts, ${items} items of the table`);
  terminal.say(`The service itself: npx serverless remove --stage ${session.deployment.stage}`);
  return left.length === 0 ? 0 : 1;
}

function changeOf(
  group: string,
  members: readonly ObservedInstance[],
  scaling: readonly ReleasedGroup[],
  purges: boolean,
): Change {
  const { current } = findPrimary(members);
  const outside = (current?.tags[tagKeys.secondaries] ?? '')
    .split(/\s+/u)
    .filter((word) => word !== '' && !word.startsWith('i-'));
  return {
    title: `Take ${group} out of hostsync. Files stay on every host`,
    steps: [
      'pause the group, and wait a minute: what runs finishes',
      `on each of ${members.length} hosts: take the login hostsync, its rule for sudo, keys, state and the package away${purges ? ', with hooks, known_hosts and what a rescue kept' : '; hooks, known_hosts and what a rescue kept stay, and are named (--purge)'}`,
      `take all tags that begin with ${prefix} off ${members.length} hosts, off the primary last`,
      ...scaling.map(
        ({ name, hooks }) =>
          `take the tag ${tagKeys.group}${hooks.length === 0 ? '' : `, and the lifecycle hooks ${hooks.join(' and ')}`} off ${name}: new hosts belong to no group`,
      ),
      'forget what is remembered of the group in the table',
    ],
    warnings: [
      'Copies go out of date from now on: nothing pushes any more.',
      ...outside.map((host) => `${host} is outside EC2. On it, as root: ${uninstallByHand}`),
    ],
    tags:
      current === undefined || current.tags[tagKeys.paused] !== undefined
        ? []
        : [{ instances: [current.id], set: { [tagKeys.paused]: 'hostsync uninstall' }, remove: [] }],
    later: removals(members, current),
    typed: { question: `Type the name of the group to go on (${group}):`, answer: group },
  };
}

const prefix = tagKeys.group.slice(0, -'group'.length);

/** The secondaries first: a group that is left without its primary is one that needs another. */
function removals(
  members: readonly ObservedInstance[],
  current: ObservedInstance | undefined,
): readonly TagChange[] {
  const ordered = [...members].sort((a, b) => Number(a.id === current?.id) - Number(b.id === current?.id));
  return ordered.flatMap(({ id, tags }) => {
    const remove = Object.keys(tags).filter((key) => key.startsWith(prefix));
    const paused = id === current?.id && !remove.includes(tagKeys.paused) ? [tagKeys.paused] : [];
    return remove.length === 0 ? [] : [{ instances: [id], set: {}, remove: [...remove, ...paused] }];
  });
}

/** The hooks and the tag of these groups of Auto Scaling: the hooks first, for the tag is what gives the right to them. */
async function releaseAutoScaling(session: Session, groups: readonly ReleasedGroup[]): Promise<void> {
  const { autoScaling } = session.clients;
  session.didWrite = true;
  for (const { name, hooks, isTagged } of groups) {
    for (const hook of hooks)
      await autoScaling.send(
        new DeleteLifecycleHookCommand({ AutoScalingGroupName: name, LifecycleHookName: hook }),
      );
    const tag = { ResourceId: name, ResourceType: 'auto-scaling-group', Key: tagKeys.group };
    if (isTagged) await autoScaling.send(new DeleteTagsCommand({ Tags: [tag] }));
  }
}

interface ReleasedGroup {
  readonly name: string;
  /** Those of hostsync's names. */
  readonly hooks: readonly string[];
  readonly isTagged: boolean;
}

async function autoScalingOf(
  session: Session,
  members: readonly ObservedInstance[],
): Promise<readonly ReleasedGroup[]> {
  const names = new Set(members.flatMap(({ tags }) => tags['aws:autoscaling:groupName'] ?? []));
  const ours = ['launch', 'terminate'].map((each) => `${prefix.slice(0, -1)}-${each}`);
  const found = await readAutoScaling(session.clients, [...names]);
  return found.map(({ name, hooks, group }) => ({
    name,
    isTagged: group !== undefined,
    hooks: hooks.map((hook) => hook.name).filter((hook) => ours.includes(hook)),
  }));
}

/** Until a while after nothing is left: a look that began before may still have noted something. @returns how many items there were */
async function forget(session: Session, group: string): Promise<number> {
  const { memory } = session.tools(group);
  let items = 0;
  for (let more = await forgetGroup(memory, group); more > 0; more = await forgetGroup(memory, group)) {
    items += more;
    await sleep(retryPause);
  }
  return items;
}

/** Until no host shows a tag of hostsync. @throws {CommandError} naming those that do */
async function untilClean(
  session: Session,
  group: string,
  before: readonly ObservedInstance[],
  timeout: number,
): Promise<void> {
  const until = Date.now() + timeout * 1000;
  const ids = new Set(before.map(({ id }) => id));
  for (;;) {
    const lost = (await observeGroup(session.clients.ec2, '')).filter(({ id }) => ids.has(id));
    const left = [...(await observeGroup(session.clients.ec2, group)), ...lost];
    if (left.length === 0) return;
    if (Date.now() > until)
      throw new CommandError(
        exitCodes.refused,
        `Tags of hostsync are still on ${left.map(({ id }) => id).join(', ')}`,
        `Try again: hostsync uninstall ${group}`,
      );
    for (const { instances, remove } of removals(left, undefined))
      for (const id of instances) await session.removeTags(id, remove);
    await sleep(retryPause);
  }
}
