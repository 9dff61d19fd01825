import { type GroupConfiguration, parseConfiguration } from './group.ts';
import type { MembershipAction } from './membership-action.ts';
import type { View } from './membership-view.ts';
import type { ObservedInstance } from './observation.ts';
import { tagKeys } from './tag-keys.ts';
import { parseTask } from './task.ts';
import { outcomeOf } from './task-outcome.ts';

/** How ready a group is to take newcomers. */
export type Readiness =
  | {
      readonly kind: 'ready';
      readonly primary: ObservedInstance;
      readonly configuration: GroupConfiguration;
      readonly publicKey: string;
    }
  /** Not yet: this brings it nearer. */
  | { readonly kind: 'step'; readonly action: MembershipAction }
  | { readonly kind: 'not-ready'; readonly soon: boolean; readonly reason: string };

export type Ready = Extract<Readiness, { kind: 'ready' }>;

/** A group takes newcomers when it has one primary, well configured, up, and with a known key. */
export function readiness(group: string, primaries: readonly ObservedInstance[], view: View): Readiness {
  const notReady = (reason: string, soon = false): Readiness => ({ kind: 'not-ready', soon, reason });
  const [primary, ...more] = primaries;
  if (primary === undefined) return notReady('the group has no primary');
  if (more.length > 0) return notReady('the group has several primaries');
  if (primary.tags[tagKeys.paused] !== undefined) return notReady('the group is paused');
  const configuration = parseConfiguration(primary);
  if (!configuration.ok) return notReady('the tags of the primary are wrong');
  if (primary.state !== 'running') return notReady(`the primary is ${primary.state}`);
  if (!view.online.has(primary.id)) return notReady('the SSM agent of the primary is not online');
  const publicKey = primary.tags[tagKeys.publicKey];
  if (publicKey !== undefined)
    return { kind: 'ready', primary, configuration: configuration.value, publicKey };

  const request = { group, epoch: configuration.value.epoch };
  const promote = (reason: string): Readiness => {
    return { kind: 'step', action: { kind: 'promote', group, primary: primary.id, request, reason } };
  };
  const task = parseTask(primary.tags[tagKeys.task]);
  if (task?.step !== 'promote') return promote(`the primary ${primary.id} has no key yet`);
  const outcome = outcomeOf(task, primary.id, view);
  switch (outcome.kind) {
    case 'under-way':
      return notReady(`the primary makes its key: ${outcome.reason}`, true);
    case 'failed':
      return notReady(`the primary could not make its key: ${outcome.reason}`);
    case 'again':
      return promote(`${outcome.reason}: the primary ${primary.id} is asked for its key again`);
    case 'ended': {
      const line = outcome.command.lines.find((each) => each.kind === 'promote');
      if (line === undefined) return promote(`the primary ${primary.id} printed no key`);
      const reason = `the primary ${primary.id} made its key`;
      const { publicKey: made } = line;
      return {
        kind: 'step',
        action: { kind: 'record-public-key', group, primary: primary.id, publicKey: made, reason },
      };
    }
  }
}
