import type {
  AttentionItem,
  GroupOverview,
  HostOverview,
  HostState,
  PushOverview,
} from '../../shared/core/operator/overview.ts';
import type { HeldDeletions, Level, LiveHost, LivePush, Verdict } from './live.ts';

/** The name that people know a host by. */
export function nameOf(group: GroupOverview, id: string): string {
  return group.hosts.find((host) => host.id === id)?.name ?? id;
}

const words: Readonly<Record<HostState, readonly [level: Level, word: string]>> = {
  'takes-writes': ['ok', 'Takes writes'],
  'being-promoted': ['work', 'Being promoted'],
  'in-sync': ['ok', 'In sync'],
  behind: ['warn', 'Behind'],
  joining: ['work', 'Joining'],
  waiting: ['off', 'Waiting'],
  quarantined: ['held', 'Quarantined'],
  stopped: ['off', 'Stopped'],
  unknown: ['off', 'Unknown'],
};

/** The incident in which nothing reaches the host. */
const cutOff = /^unreachable$/;

export function liveHost(host: HostOverview): LiveHost {
  const [level, state] = words[host.state];
  const code = host.incident?.code ?? host.leftOut?.code;
  const isCut = host.state === 'behind' && code !== undefined && cutOff.test(code);
  return {
    id: host.id,
    name: host.name ?? host.id,
    zone: host.zone ?? '',
    role: host.role,
    level: isCut ? 'bad' : level,
    state: isCut ? 'Unreachable' : state,
    secondsBehind: host.secondsBehind ?? null,
    error: code,
    message: host.leftOut?.reason,
    blocker: host.promote?.blocker,
  };
}

/** The worst gives the verdict; what else there is stands in the page. */
export function liveVerdict(group: GroupOverview, isPromoting: boolean): Verdict {
  const [worst] = group.attention;
  const command = worst !== undefined && isCommand(worst) ? worst.remedy : undefined;
  const title = group.headline.replace(/[.!]$/, '');
  return { level: levelOf(group, isPromoting), title, text: verdictText(group, worst, command), command };
}

function levelOf({ verdict, attention }: GroupOverview, isPromoting: boolean): Level {
  if (isPromoting) return 'work';
  if (verdict === 'in-sync') return 'ok';
  const [worst] = attention;
  if (worst?.level === 'error') return 'bad';
  if (worst?.level === 'held') return 'held';
  return verdict === 'attention' ? 'bad' : 'warn';
}

function verdictText(
  group: GroupOverview,
  worst: AttentionItem | undefined,
  command: string | undefined,
): string {
  if (worst !== undefined) {
    const what = worst.what === group.headline ? '' : sentence(worst.what);
    return `${what} ${sentence(worst.why)} ${command === undefined ? sentence(worst.remedy) : ''}`.trim();
  }
  if (group.primary === undefined)
    return 'Uploads fail. Visitors still read from every host that has the files.';
  const behind = group.hosts.flatMap(({ secondsBehind }) => secondsBehind ?? []);
  if (behind.length === 0) return 'Nothing needs you.';
  return `What the primary held ${Math.max(...behind).toFixed(0)} s ago is on every secondary. Nothing needs you.`;
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) || text === '' ? text : `${text}.`;
}

/** A remedy may be a sentence as well. */
function isCommand({ remedy }: AttentionItem): boolean {
  return /^(npx |hostsync |aws |sudo )/.test(remedy);
}

export function liveHeld({ heldDeletions: held, group }: GroupOverview): readonly HeldDeletions[] {
  if (held === undefined) return [];
  return [
    {
      id: held.id,
      count: held.count,
      since: held.seenAt,
      message: `${sentence(held.reason)} ${held.count.toLocaleString('en')} of ${held.total.toLocaleString('en')} files would go. Nothing was deleted on any secondary; new files still arrive.`,
      examples: held.examples,
      acceptCommand: `npx hostsync accept-deletions ${group} ${held.id}`,
    },
  ];
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
