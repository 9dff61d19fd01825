import {
  type Finding,
  fault,
  type HostAnswer,
  type HostReport,
  type Known,
  ok,
  unknown,
} from './doctor-facts.ts';
import { parseHostReport } from './host-report.ts';

/** Who of the hosts is which; null where there is no primary. */
export interface Roles {
  readonly primary: string | null;
  readonly group: string;
  /** hostsync does nothing to the group, so it installs nothing. */
  readonly observed: boolean;
}

/** @param hosts undefined where no host was asked: then nothing is found, and whoever shows it says so */
export function findOnHosts(
  hosts: ReadonlyMap<string, Known<HostAnswer>> | undefined,
  { primary, group, observed }: Roles,
): readonly Finding[] {
  const reports = new Map(
    [...(hosts ?? [])].map(([id, answer]) => [
      id,
      answer.known ? ({ known: true, value: parseHostReport(answer.value.output) } as const) : answer,
    ]),
  );
  const model = primary === null ? undefined : reports.get(primary);
  return [...reports].flatMap(([id, report]) => {
    if (!report.known) return [unknown('host', id, report.reason)];
    const answer = hosts?.get(id);
    return [
      ...findAnswer(id, report.value, group, observed),
      ...(answer?.known === true ? findClock(id, report.value, answer.value) : []),
      ...(id !== primary && model?.known === true ? findOwners(id, report.value, model.value) : []),
    ];
  });
}

/** The host decides what is wrong with itself; here its words become findings. */
function findAnswer(
  id: string,
  { checks, problem }: HostReport,
  group: string,
  observed: boolean,
): readonly Finding[] {
  if (problem?.error === 'other-release' && observed)
    return [
      unknown(
        'host',
        id,
        `it has no host package of this release, and gets none while the group is only observed: hostsync resume ${group}`,
      ),
    ];
  if (problem?.error === 'other-release')
    return [
      fault('warning', 'host-release', id, {
        what: `${id} has another release of the host package than the deployment`,
        why: 'Nothing is known of the host, and its next command waits until the package is there.',
        mend: `hostsync installs it with the next push: hostsync push ${group}, then hostsync doctor ${group}`,
      }),
    ];
  if (problem?.error === 'not-ready')
    return [
      fault('error', 'host-python', id, {
        what: `${id}: ${problem.message}`,
        why: 'No command of hostsync runs on this host: it is not pushed from, does not join and is not promoted.',
        mend: `On ${id}: apt-get install -y python3, or dnf install -y python3 (3.9 or later)`,
      }),
    ];
  if (problem !== undefined) return [unknown('host', id, `${problem.error}: ${problem.message}`)];
  if (checks.length === 0) return [unknown('host', id, 'the host says nothing of itself')];
  return checks.map(({ check, level, ...words }) => {
    if (level === 'ok') return ok(`host-${check}`, id, words.what);
    if (level === 'unknown') return unknown(`host-${check}`, id, words.what);
    return fault(level, `host-${check}`, id, { ...words, what: `${id}: ${words.what}` });
  });
}

/** Milliseconds. A clock that is off by less does no harm. */
const clockTolerance = 5_000;
/** Milliseconds: AWS refuses what is signed five minutes off. Source: IAM User Guide, signature version 4, incidentshooting. */
const clockLimit = 240_000;

function findClock(id: string, { now }: HostReport, { askedAt, answeredAt }: HostAnswer): readonly Finding[] {
  if (now === undefined) return [];
  const off = now < askedAt ? now - askedAt : Math.max(0, now - answeredAt);
  const size = Math.abs(off);
  if (size <= clockTolerance)
    return [ok('host-clock', id, `agrees with the clock of AWS within ${clockTolerance / 1000} s`)];
  return [
    fault(size > clockLimit ? 'error' : 'warning', 'host-clock', id, {
      what: `The clock of ${id} is ${Math.round(size / 1000)} s ${off < 0 ? 'behind' : 'ahead of'} that of AWS`,
      why:
        size > clockLimit
          ? 'AWS refuses what the SSM agent signs with a clock that is five minutes off: the host is lost then.'
          : 'Seconds behind are shown wrong, and a rescue goes by times where it decides which file is newer.',
      mend: `On ${id}: systemctl enable --now chronyd (Debian, Ubuntu: chrony), then chronyc makestep`,
    }),
  ];
}

/** Files arrive as those of the owner that the directory has there. */
function findOwners(id: string, { owners }: HostReport, primary: HostReport): readonly Finding[] {
  return [...primary.owners].flatMap(([directory, owner]) => {
    const here = owners.get(directory);
    if (here === undefined || here === owner) return [];
    return [
      fault('warning', 'host-owner', id, {
        what: `${directory} belongs to ${owner} on the primary, and to ${here} on ${id}`,
        why: `Files arrive on ${id} as ${here}'s: as the primary its web server may not be able to change them.`,
        mend: `On ${id}: chown -R ${owner} ${directory}`,
      }),
    ];
  });
}
