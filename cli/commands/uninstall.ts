import { setTimeout as sleep } from 'node:timers/promises';
import { observeGroup } from '../../shared/aws/ec2.ts';
import { forgetGroup } from '../../shared/aws/memory.ts';
import type { ObservedInstance } from '../../shared/core/model/observation.ts';
import { findPrimary } from '../../shared/core/model/primary.ts';
import { tagKeys } from '../../shared/core/model/tag-keys.ts';
import { makeChange } from '../change.ts';
import { CommandError, exitCodes } from '../errors.ts';
import type { ActionOptions } from '../options.ts';
import type { TagChange } from '../output/aws-line.ts';
import type { Session } from '../session.ts';

export interface UninstallOptions extends ActionOptions {
  readonly group: string;
}

/** Milliseconds between two tries: a look that began before may still write a tag. */
const retryPause = 2_000;

/** Takes away what hostsync set in the account for a group. What is on the hosts stays. */
export async function uninstall(session: Session, options: UninstallOptions): Promise<number> {
  const group = await session.group(options.group);
  const { terminal } = session;
  const members = await observeGroup(session.clients.ec2, group);
  const { current } = findPrimary(members);
  const scaling = [...new Set(members.flatMap(({ tags }) => tags['aws:autoscaling:groupName'] ?? []))];
  const done = await makeChange(session, options, {
    title: `Take ${group} out of hostsync. Files stay on every host`,
    steps: [
      'pause the group: what runs comes to its end',
      `take all tags that begin with ${prefix} off ${members.length} hosts, off the primary last`,
      'forget what is remembered of the group in the table',
    ],
    warnings: [
      'Copies go out of date from now on: nothing pushes any more.',
      ...scaling.flatMap((name) => byHand(name)),
      ...members.map(
        ({ id }) =>
          `On ${id} stay: the login hostsync, /etc/hostsync, /etc/sudoers.d/hostsync, /var/lib/hostsync`,
      ),
    ],
    tags: [
      ...(current === undefined || current.tags[tagKeys.paused] !== undefined
        ? []
        : [{ instances: [current.id], set: { [tagKeys.paused]: 'hostsync uninstall' }, remove: [] }]),
      ...removals(members, current),
    ],
    typed: { question: `Type the name of the group to go on (${group}):`, answer: group },
  });
  if (!done) return 0;
  await untilClean(session, group, members, options.timeout);
  const items = await forgetGroup(session.tools(group).memory, group);
  terminal.say(`${terminal.symbol('ok')} tags of ${members.length} hosts, ${items} items of the table`);
  terminal.say(`The service itself: npx serverless remove --stage ${session.deployment.stage}`);
  return 0;
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

/** What hostsync did not make, an operator did: it is his to take away. */
function byHand(autoScalingGroup: string): readonly string[] {
  const of = `--auto-scaling-group-name ${autoScalingGroup}`;
  const launch = `${prefix.slice(0, -1)}-launch`;
  const terminate = `${prefix.slice(0, -1)}-terminate`;
  return [
    `Before that, or new hosts wait for nobody: aws autoscaling delete-lifecycle-hook ${of} --lifecycle-hook-name ${launch} && aws autoscaling delete-lifecycle-hook ${of} --lifecycle-hook-name ${terminate}`,
    `And: aws autoscaling delete-tags --tags ResourceId=${autoScalingGroup},ResourceType=auto-scaling-group,Key=${tagKeys.group}`,
  ];
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
