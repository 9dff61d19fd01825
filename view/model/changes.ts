import type {
  GroupOverview,
  HostOverview,
  IncidentOverview,
  PushOverview,
} from '../../shared/core/operator/overview.ts';
import { count, duration, size } from './format.ts';
import { liveHost, nameOf } from './from-overview.ts';
import type { LiveEvent } from './live.ts';

/** What happened between two looks at a group, oldest first. With nothing before, only what the overview dates itself. */
export function changesBetween(
  before: GroupOverview | undefined,
  after: GroupOverview,
): readonly LiveEvent[] {
  return [
    ...after.promotions.map((promotion) => promoted(after, promotion)),
    ...after.pushes.filter(isWorthNotifying).map((push) => pushed(after, push)),
    ...after.incidents.map((incident) => opened(after, incident)),
    ...(before === undefined
      ? []
      : [...resolved(before, after), ...hostChanges(before, after), ...held(before, after)]),
  ].toSorted((one, other) => one.at - other.at);
}

/** A push that is over and had something to do. */
function isWorthNotifying({ status, files, deleted, missed }: PushOverview): boolean {
  return status !== 'in progress' && (files > 0 || deleted > 0 || missed.length > 0);
}

function promoted(
  group: GroupOverview,
  { epoch, to, from, why, at }: GroupOverview['promotions'][number],
): LiveEvent {
  const instead = from === null ? '' : ` instead of ${nameOf(group, from)}`;
  return {
    id: `promotion ${group.group} ${epoch}`,
    at,
    group: group.group,
    kind: 'promotion',
    level: 'ok',
    title: `${nameOf(group, to)} became the primary`,
    text: `Epoch ${epoch}${instead}: ${why}`,
  };
}

function pushed(group: GroupOverview, push: PushOverview): LiveEvent {
  const missed = push.missed.map(({ id }) => nameOf(group, id));
  const gone = push.deleted === 0 ? '' : `, ${count(push.deleted, 'deletion')}`;
  const took = push.seconds === null ? '' : ` in ${duration(push.seconds)}`;
  const why = push.missed[0]?.message ?? '';
  return {
    id: `push ${push.command}`,
    at: push.requestedAt,
    group: group.group,
    kind: 'push',
    level: missed.length === 0 ? 'ok' : 'warn',
    title: missed.length === 0 ? 'Files synced' : `Files not synced to ${missed.join(', ')}`,
    text: `${count(push.files, 'file')}${gone}, ${size(push.bytes)}${took}${why === '' ? '' : `. ${why}`}`,
  };
}

function incidentId(group: GroupOverview, { code, host, since }: IncidentOverview): string {
  return `incident ${group.group} ${code} ${host ?? ''} ${since}`;
}

function opened(group: GroupOverview, incident: IncidentOverview): LiveEvent {
  const { code, host, since } = incident;
  const item = group.attention.find((each) => each.code === code && each.host === host);
  return {
    id: incidentId(group, incident),
    at: since,
    group: group.group,
    kind: 'alert',
    level: 'bad',
    open: true,
    title: item?.title ?? `${host === null ? group.group : nameOf(group, host)}: ${code}`,
    text: item === undefined ? '' : [item.message, item.next ?? ''].join(' ').trim(),
  };
}

function resolved(before: GroupOverview, after: GroupOverview): readonly LiveEvent[] {
  const open = new Set(after.incidents.map((incident) => incidentId(after, incident)));
  return before.incidents
    .filter((incident) => !open.has(incidentId(before, incident)))
    .map((incident) => ({
      ...opened(before, incident),
      level: 'ok',
      open: false,
      text: `Resolved after ${duration((after.at - incident.since) / 1_000)}.`,
    }));
}

function hostChanges(before: GroupOverview, after: GroupOverview): readonly LiveEvent[] {
  const known = new Map(before.hosts.map((host) => [host.id, host]));
  const left = before.hosts.filter(({ id }) => !after.hosts.some((host) => host.id === id));
  return [
    ...after.hosts.flatMap((host) => hostChange(known.get(host.id), host, after)),
    ...left.map((host) =>
      hostEvent(after, host, 'left', 'off', 'left', 'It is off the list; the others notice nothing.'),
    ),
  ];
}

function hostChange(
  before: HostOverview | undefined,
  after: HostOverview,
  group: GroupOverview,
): readonly LiveEvent[] {
  if (before?.state === after.state && before.role === after.role) return [];
  const { level, message = '', error = '' } = liveHost(after);
  const text = message === '' ? error : message;
  const say = (title: string, detail = '') => [
    hostEvent(group, after, after.state, after.state === 'in sync' ? 'ok' : level, title, detail),
  ];
  switch (after.state) {
    case 'in sync':
      return before === undefined || before.state === 'joining' || before.state === 'new'
        ? say('joined', 'Every file was verified there.')
        : say('is in sync again');
    case 'behind':
      return say('is behind', text);
    case 'joining':
      return say('is joining', 'It takes no traffic before every file is verified.');
    case 'being promoted':
      return say('is being promoted', 'It takes the place of the primary.');
    case 'quarantined':
      return say(
        'is quarantined',
        'It was the primary. What only it has is brought to the new primary first.',
      );
    case 'stopped':
      return say('is stopped', text);
    case 'new':
      return before === undefined ? say('is new', 'It waits for its turn to join.') : [];
    default: // the words of EC2 and of the tag are no closed set; what they mean is in the table
      return [];
  }
}

function hostEvent(
  group: GroupOverview,
  host: HostOverview,
  state: string,
  level: LiveEvent['level'],
  title: string,
  text: string,
): LiveEvent {
  return {
    id: `host ${host.id} ${state} ${group.at}`,
    at: group.at,
    group: group.group,
    kind: 'host',
    level,
    text,
    title: `${host.name ?? host.id} ${title}`,
  };
}

function held(before: GroupOverview, after: GroupOverview): readonly LiveEvent[] {
  const [was, is] = [before.held, after.held];
  if (is === null || is.id === null || is.id === was?.id) return [];
  return [
    {
      id: `held ${after.group} ${is.id}`,
      at: is.since ?? after.at,
      group: after.group,
      kind: 'alert',
      level: 'held',
      title: `${count(is.count ?? 0, 'deletion')} held`,
      text: `${is.reason} Nothing was deleted on any secondary. Accept the deletions, or put the files back.`,
    },
  ];
}
