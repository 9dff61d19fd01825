import { describeIntention } from '../../shared/core/model/intention.ts';
import { acceptCommand, restoreCommand } from '../../shared/core/operator/held-deletions.ts';
import { describeRelease } from '../../shared/core/operator/host-release.ts';
import {
  type GroupOverview,
  type HostOverview,
  markOf,
  type PushOverview,
} from '../../shared/core/operator/overview.ts';
import type { HeldDeletions, Level, LiveGroup, LiveHost, LivePush, Verdict } from './live.ts';

/** The name that people know a host by. */
export function nameOf(group: GroupOverview, id: string): string {
  return group.hosts.find((host) => host.id === id)?.name ?? id;
}

/** States that are no fault, and in which something is on its way, or waits. */
const levels: Readonly<Record<string, Level>> = {
  'being promoted': 'work',
  joining: 'work',
  quarantined: 'held',
  'to be set apart': 'held',
  paused: 'held',
  new: 'off',
  unknown: 'off',
  // What EC2 does not run
  pending: 'off',
  stopping: 'off',
  stopped: 'off',
  'shutting-down': 'off',
  terminated: 'off',
};

const faults = { 'in-sync': 'ok', behind: 'warn', attention: 'bad' } as const;

/** The colour that a host has; its words are those of the command line. */
function levelOfHost({ state, level }: HostOverview): Level {
  return level === 'attention' ? 'bad' : (levels[state] ?? faults[level]);
}

export function liveHost(host: HostOverview): LiveHost {
  return {
    id: host.id,
    name: host.name ?? host.id,
    zone: host.zone ?? '',
    role: host.role,
    level: levelOfHost(host),
    state: capitalised(host.state),
    secondsBehind: host.secondsBehind,
    error: host.error?.code,
    message: host.error?.message,
    release: host.release === null ? undefined : describeRelease(host.release),
    blocker: host.promotionBlocker ?? undefined,
  };
}

function capitalised(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

/** The line of `hostsync status`, what is behind it, and the command that helps. */
export function liveVerdict(group: GroupOverview, isPromoting: boolean): Verdict {
  const [worst] = group.attention;
  return {
    level: isPromoting ? 'work' : levelOfGroup(group),
    title: group.verdict,
    text: worst === undefined ? wellText(group) : sentence(worst.message),
    command: worst?.next === null || worst === undefined ? undefined : `npx ${worst.next}`,
  };
}

function levelOfGroup(group: GroupOverview): Level {
  const mark = markOf(group);
  return mark === 'held' ? mark : faults[mark];
}

function wellText(group: GroupOverview): string {
  const behind = group.hosts.flatMap(({ secondsBehind }) => secondsBehind ?? []);
  if (behind.length === 0) return 'Nothing needs you.';
  return `What the primary held ${Math.max(...behind).toFixed(0)} s ago is on every secondary. Nothing needs you.`;
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) || text === '' ? text : `${text}.`;
}

/** None where the push that held them is not listed any more: then the verdict says so. */
export function liveHeld({ held, group }: GroupOverview): readonly HeldDeletions[] {
  if (held === null || held.id === null || held.count === null) return [];
  return [
    {
      id: held.id,
      count: held.count,
      since: held.since ?? undefined,
      message: `${sentence(held.reason)} ${held.count.toLocaleString('en')} of ${(held.total ?? held.count).toLocaleString('en')} files would go. Nothing was deleted on any secondary; new files still arrive.`,
      examples: held.examples,
      acceptCommand: `npx ${acceptCommand(group, held.id)}`,
      restoreCommand: `npx ${restoreCommand(group, held.id)}`,
    },
  ];
}

export function liveObserved({ observed, intentions, group }: GroupOverview): LiveGroup['observed'] {
  if (!observed) return undefined;
  return {
    would: intentions.map((each) => `Would ${describeIntention(each)}`),
    resumeCommand: `npx hostsync resume ${group}`,
  };
}

export function livePush(group: GroupOverview, push: PushOverview): LivePush {
  return {
    id: push.command,
    at: push.requestedAt,
    group: group.group,
    files: push.files,
    deleted: push.deleted,
    bytes: push.bytes,
    seconds: push.seconds ?? 0,
    missed: push.missed.map(({ id }) => nameOf(group, id)),
  };
}
