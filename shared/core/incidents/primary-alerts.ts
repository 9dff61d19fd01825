// The alerts on who is the primary, and who takes its place.
import type { EventDetails } from '../model/domain-event.ts';
import { plainText } from '../model/plain-text.ts';
import type { PromotionCandidate } from '../model/role-event-details.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { duration } from '../model/time.ts';
import {
  type Alert,
  incidentAlert,
  list,
  longestQuote,
  message,
  mostNamed,
  quote,
  todo,
} from './alert-text.ts';
import { statusOf } from './remedies.ts';

export function noPrimary(detail: EventDetails['No Primary'], group: string, now: number): Alert {
  const { instances } = detail;
  return incidentAlert(group, detail, now, 'it has no primary', [
    `None of ${plainText(instances.join(', '), longestQuote)} carries the tag ${tagKeys.primary}: nothing is pushed.`,
    todo(
      `name the host that editors upload to: aws ec2 create-tags --resources i-… --tags Key=${tagKeys.primary},Value=1 Key=${tagKeys.directories},Value=/…`,
    ),
  ]);
}

export function severalPrimaries(
  detail: EventDetails['Several Primaries'],
  group: string,
  now: number,
): Alert {
  const { primaries } = detail;
  return incidentAlert(group, detail, now, 'it has several primaries', [
    `${plainText(primaries.join(', '), longestQuote)} carry the tag ${tagKeys.primary}: nothing is pushed until all but one have lost it.`,
    todo(
      `take it from those that editors do not upload to: aws ec2 delete-tags --resources i-… --tags Key=${tagKeys.primary}`,
    ),
  ]);
}

export function primaryUnavailable(
  detail: EventDetails['Primary Unavailable'],
  group: string,
  now: number,
): Alert {
  const { primary, message: words } = detail;
  return incidentAlert(group, detail, now, `the primary ${primary} is not available`, [
    quote(words),
    todo(
      `look at it: ${statusOf(primary)}`,
      `and at its agent: aws ssm get-connection-status --target ${primary}`,
    ),
  ]);
}

export function primaryPromoted(detail: EventDetails['Primary Promoted'], group: string): Alert {
  const { primary, from, epoch, kind, why, secondsAtRisk, seconds, claimedAt } = detail;
  const how = { adopted: 'by hand', failover: 'by a failover', switchover: 'as planned' }[kind];
  return message(group, `${primary} is the primary now (${kind})`, [
    `Group ${group}: ${primary} became the primary of epoch ${epoch} ${how}, in place of ${from === '' ? 'none' : from}, ${duration(seconds)} after the decision at ${claimedAt}.`,
    `Why: ${plainText(why, longestQuote)}`,
    kind === 'failover'
      ? atRisk(from, secondsAtRisk)
      : kind === 'switchover'
        ? `All that ${from} held when it stopped pushing had arrived. Uploads that reach ${from} later, by a cached name, are rescued before it joins.`
        : `What ${from === '' ? 'an earlier primary' : from} had not pushed is on it alone until it is rescued.`,
    `What comes next: the secondaries trust ${primary} and give it what only they have; ${from === '' ? 'the earlier primary' : from} can push nothing any more. If it comes back, it is kept apart, what only it holds is brought to ${primary}, and it joins as a secondary.`,
    todo(
      kind === 'failover'
        ? `if ${from} can be brought back, do: its uploads are rescued by themselves. Do not delete its volumes before that`
        : 'nothing',
    ),
  ]);
}

export function promotionBlocked(
  detail: EventDetails['Promotion Blocked'],
  group: string,
  now: number,
): Alert {
  const { primary, why, message: words, candidates, epoch, directories } = detail;
  return incidentAlert(group, detail, now, `${primary} is not replaced: ${words}`, [
    `Why it should be: ${plainText(why, longestQuote)}`,
    candidates.length === 0 ? 'There is no other host in the group.' : list(candidates, describeCandidate),
    todo(`bring ${primary} back: ${statusOf(primary)}`, ...overrides(candidates, epoch, directories)),
  ]);
}

export function writesNotResumed(
  detail: EventDetails['Writes Not Resumed'],
  group: string,
  now: number,
): Alert {
  const { primary, message: words } = detail;
  return incidentAlert(group, detail, now, `${primary} may still refuse writes`, [
    `The switchover was withdrawn after the hook before-demotion had run on ${primary}, so it stays the primary. The hook that lets editors write again has not run:`,
    quote(words),
    todo(
      `let the site write again by hand, as the hook demotion-cancelled or after-promotion in /etc/hostsync/hooks would: aws ssm start-session --target ${primary}`,
      'hostsync tries it again every minute',
    ),
  ]);
}

export function primarySuspected(
  detail: EventDetails['Primary Suspected'],
  group: string,
  now: number,
): Alert {
  const { primary, signs, seen } = detail;
  return incidentAlert(group, detail, now, `the primary ${primary} may be dead`, [
    list([...signs, ...seen], (each) => each),
    'It is replaced only when all who look agree, several times in a row.',
    todo(
      `look at it: ${statusOf(primary)}`,
      `and at its agent: aws ssm get-connection-status --target ${primary}`,
    ),
  ]);
}

function describeCandidate({ instance, blocker, state }: PromotionCandidate): string {
  const isUp = state === undefined || state === 'running';
  return `${instance}${isUp ? '' : ` (${state})`}: ${blocker || 'could be promoted'}`;
}

/** How a person makes another host the primary all the same: one that runs, for one that is stopped takes no role. */
function overrides(
  candidates: readonly PromotionCandidate[],
  epoch: number,
  directories: string,
): readonly string[] {
  const running = candidates.filter(({ state }) => state === undefined || state === 'running');
  const chosen = running.find(({ blocker }) => blocker === '') ?? running[0];
  const stopped = candidates.filter(({ state }) => state === 'stopped').map(({ instance }) => instance);
  if (chosen !== undefined)
    return [
      `or make another host the primary all the same: aws ec2 create-tags --resources ${chosen.instance} --tags Key=${tagKeys.primary},Value=${epoch} Key=${tagKeys.directories},Value="${plainText(directories, 256)}"`,
    ];
  return stopped.length === 0
    ? []
    : [
        `no other host runs; start one: aws ec2 start-instances --instance-ids ${stopped.slice(0, mostNamed).join(' ')}`,
      ];
}

function atRisk(from: string, seconds: number | null): string {
  if (seconds === null)
    return `At risk: hostsync does not know when a secondary last had everything. Uploads may be on ${from} alone.`;
  if (seconds === 0) return 'At risk: no upload that hostsync knows of.';
  return `At risk: what was uploaded in the last ${seconds} s before the decision may be on ${from} alone.`;
}
