import { isRaised } from '../incidents/incident.ts';
import { remedies } from '../incidents/remedies.ts';
import { parseIncidents } from '../model/incident.ts';
import { intentionKey, intentionWords, notedIntentions } from '../model/intention.ts';
import { isObserved } from '../model/mode.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { duration, secondsBetween } from '../model/time.ts';
import { groupIncidents } from '../results/group-state.ts';
import type { OverviewView } from './group-observation.ts';
import type { AttentionItem, HeldDeletions, HostOverview, IncidentOverview } from './overview.ts';

/** What of a group is raised now, the oldest first: of the group itself, of its promotions, and of its hosts. */
export function overviewIncidents(
  { members }: OverviewView,
  hosts: readonly HostOverview[],
): readonly IncidentOverview[] {
  const promotions = new Map(
    members
      .flatMap(({ tags }) => parseIncidents(tags[tagKeys.promotionIncident]))
      .map(([, incident]) => [incident.code, incident]),
  );
  const ofGroup = [...groupIncidents(members).values(), ...promotions.values()]
    .filter(isRaised)
    .map(({ code, since, notifications }) => ({ code, since, notified: notifications > 0 }));
  const ofHosts = hosts.flatMap(({ id, incident }) =>
    incident === undefined
      ? []
      : [{ code: incident.code, since: incident.since, notified: incident.notified, subject: id }],
  );
  return [...ofGroup, ...ofHosts].sort((one, other) => one.since - other.since);
}

const ranks: readonly AttentionItem['level'][] = ['error', 'held', 'warning'];

/** What a person should know of, the worst first. Each thing once: the plan says more of it than the incident. */
export function overviewAttention(
  view: OverviewView,
  hosts: readonly HostOverview[],
  incidents: readonly IncidentOverview[],
  held: HeldDeletions | undefined,
): readonly AttentionItem[] {
  const items = [
    ...blockerItems(view),
    ...modeItems(view),
    ...heldItems(view, held, incidents),
    ...incidents
      .filter(({ subject, notified, code }) => subject === undefined && notified && code !== 'deletions-held')
      .map((incident) => incidentItem(view, incident)),
    ...hosts.flatMap((host) => hostItems(view, host)),
  ];
  const found = new Map<string, AttentionItem>();
  for (const item of items) {
    const key = `${sameAs[item.code] ?? item.code} ${item.host ?? ''}`;
    if (!found.has(key)) found.set(key, item);
  }
  return [...found.values()].sort((one, other) => ranks.indexOf(one.level) - ranks.indexOf(other.level));
}

/** Incidents that say what the plan says, by the plan's code. */
const sameAs: Readonly<Record<string, string>> = {
  'bad-tags': 'configuration-invalid',
  'request-too-long': 'configuration-invalid',
  'primary-not-running': 'primary-unavailable',
  'primary-not-online': 'primary-unavailable',
};

/** Why nothing is pushed, where that is not as it was asked for. */
function blockerItems({ group, plan, primaries }: OverviewView): readonly AttentionItem[] {
  return plan.flatMap((action): readonly AttentionItem[] => {
    if (action.kind !== 'no-push') return [];
    const { code, severity, reason } = action;
    if (code === 'paused')
      return [
        {
          level: 'warning',
          code,
          what: `Pushes of ${group} are paused`,
          why: reason,
          remedy: `hostsync resume ${group}`,
        },
      ];
    if (severity !== 'error') return [];
    const what = blockedWords[code] ?? 'Nothing is pushed';
    return [
      { level: 'error', code, what, why: reason, remedy: blockedRemedy(code, group, primaries.current?.id) },
    ];
  });
}

/** What hostsync would do to a group that is only observed. */
function modeItems({ group, members, observed }: OverviewView): readonly AttentionItem[] {
  if (!isObserved(members, observed.registers.get(group))) return [];
  const remedy = `hostsync resume ${group}`;
  return [
    {
      level: 'warning',
      code: 'observed',
      what: `${group} is only observed`,
      why: `The tag ${tagKeys.mode} is set: hostsync says what it would do, and changes nothing`,
      remedy,
    },
    ...notedIntentions(members).map((each) => ({
      level: 'warning' as const,
      code: `would-${intentionKey(each)}`,
      what: `Would ${intentionWords(each)}`,
      why: each.reason,
      remedy,
    })),
  ];
}

const blockedWords: Readonly<Record<string, string>> = {
  'no-primary': 'The group has no primary: nothing is pushed',
  'several-primaries': 'Several hosts claim to be the primary: nothing is pushed',
  'bad-tags': 'A tag of the primary is wrong: nothing is pushed',
  'request-too-long': 'The group has too many secondaries for one push: nothing is pushed',
  'primary-not-running': 'The primary does not run: nothing is pushed',
  'primary-not-online': 'The SSM agent of the primary is offline: nothing is pushed',
};

function blockedRemedy(code: string, group: string, primary = 'HOST'): string {
  switch (code) {
    case 'no-primary':
      return `hostsync promote ${group} --to HOST --force`;
    case 'several-primaries':
      return `aws ec2 delete-tags --resources HOST --tags Key=${tagKeys.primary}   (the host that editors do not upload to)`;
    case 'primary-not-running':
      return `aws ec2 start-instances --instance-ids ${primary}, or wait for the failover: hostsync status ${group} -w`;
    case 'primary-not-online':
      return `hostsync doctor ${group}`;
    default:
      return 'Correct the tag as the message says; the next tick goes on by itself';
  }
}

function heldItems(
  { group }: OverviewView,
  held: HeldDeletions | undefined,
  incidents: readonly IncidentOverview[],
): readonly AttentionItem[] {
  const incident = incidents.find(({ code }) => code === 'deletions-held');
  if (held !== undefined)
    return [
      {
        level: 'held',
        code: 'deletions-held',
        host: held.host,
        what: `${held.count} deletions are held`,
        why: `${held.count} of ${held.total} entries are gone on ${held.host}; the secondaries still have them`,
        remedy: `hostsync accept-deletions ${group} ${held.id}, or put the files back on ${held.host}`,
      },
    ];
  if (incident === undefined || !incident.notified) return [];
  return [
    {
      level: 'held',
      code: 'deletions-held',
      what: 'Deletions are held',
      why: 'Many entries are gone on the primary; the secondaries still have them',
      remedy: `hostsync push ${group}   (shows which)`,
    },
  ];
}

const incidentWords: Readonly<Record<string, string>> = {
  'push-failed': 'The last push failed',
  'push-overrun': 'A push takes longer than a minute',
  'directory-not-pushed': 'A directory is not pushed',
  'no-primary': 'The group has no primary: nothing is pushed',
  'several-primaries': 'Several hosts claim to be the primary: nothing is pushed',
  'primary-unavailable': 'The primary is unavailable: nothing is pushed',
  'configuration-invalid': 'A tag is wrong',
  'primary-suspected': 'The primary appears down',
  'promotion-blocked': 'The primary should be replaced, and no host may take its place',
  'writes-not-resumed': 'The primary may still refuse writes',
};

function incidentItem({ group, now }: OverviewView, { code, since }: IncidentOverview): AttentionItem {
  const lasted = duration(secondsBetween(since, now));
  return {
    level: code === 'push-overrun' ? 'warning' : 'error',
    code,
    what: incidentWords[code] ?? `Incident ${code}`,
    why: `It began ${lasted} ago, at ${new Date(since).toISOString()}`,
    remedy: `hostsync doctor ${group}`,
  };
}

function hostItems(view: OverviewView, host: HostOverview): readonly AttentionItem[] {
  const { id, role, state, incident } = host;
  const isError = view.plan.some(
    (action) => action.kind === 'leave-out' && action.secondary === id && action.severity === 'error',
  );
  const { leftOut } = host;
  const ofPlan: readonly AttentionItem[] =
    isError && leftOut !== undefined
      ? [
          {
            level: 'error',
            code: leftOut.code,
            host: id,
            what: `${id} is left out of every push`,
            why: leftOut.reason,
            remedy: `hostsync doctor ${view.group}`,
          },
        ]
      : [];
  if (incident?.notified === true) return [...ofPlan, hostIncidentItem(view, host, incident)];
  if (role !== 'former' || state !== 'quarantined') return ofPlan;
  return [
    ...ofPlan,
    {
      level: 'warning',
      code: 'quarantined',
      host: id,
      what: `${id} was the primary and is set apart`,
      why: 'What only it holds is brought to the primary before it joins again',
      remedy: `hostsync wait ${view.group} --joined ${id}`,
    },
  ];
}

function hostIncidentItem(
  { primaries, now }: OverviewView,
  { id, role, secondsBehind }: HostOverview,
  { code, since, message }: NonNullable<HostOverview['incident']>,
): AttentionItem {
  const lasted = duration(secondsBetween(since, now));
  const joins = role === 'newcomer';
  const what = joins ? `${id} cannot join (${code})` : `${id} is behind (${code})`;
  const lag = secondsBehind === undefined ? '' : `; it serves files as of ${duration(secondsBehind)} ago`;
  const [remedy = ''] = remedies([id], code, primaries.current?.id ?? 'the primary');
  return {
    level: 'error',
    code,
    host: id,
    what,
    why: `For ${lasted}${lag}${message === undefined ? '' : `: ${message}`}`,
    remedy,
  };
}
