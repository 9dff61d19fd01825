import type { DomainEvent, EventDetails, GroupEventType } from '../model/domain-event.ts';
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
import { extraFilesDeleted, filesKept, filesRescued, filesTooLarge } from './file-alerts.ts';
import { remediesOfAll, sessionOn, statusOf } from './remedies.ts';
import { runbookOf } from './runbook.ts';

/**
 * The message that an event is worth; undefined if nobody has to know. It says what happened, since when, in whose words,
 * what to do next, with the command to type, and which runbook has more.
 *
 * @param now milliseconds since 1970
 */
export function composeAlert(event: DomainEvent, now: number): Alert | undefined {
  const alert = composeText(event, now);
  return alert && { ...alert, body: `${alert.body}\nRunbook: ${runbookOf(event)}\n` };
}

// biome-ignore lint/complexity/noExcessiveLinesPerFunction: the texts of all messages, one case each
// biome-ignore lint/complexity/noExcessiveCognitiveComplexity: singular and plural in texts
function composeText(event: DomainEvent, now: number): Alert | undefined {
  // No group of that name is pushed, but an alert says what is wrong with it
  const group = plainText(event.detail.group, 256);
  switch (event.type) {
    // Stryker disable StringLiteral: what is no case comes to the same
    case 'Files Synced':
    case 'Action Observed':
    case 'Secondary Joined':
    case 'Secondary Left':
      return undefined;
    // Stryker restore StringLiteral
    case 'Sync Failed':
      return syncFailed(event.detail, group, now);
    case 'Sync Recovered': {
      const { secondaries, primary, syncedAt } = event.detail;
      const many = secondaries.length;
      return message(group, `${name(secondaries)} ${many > 1 ? 'are' : 'is'} in sync again`, [
        `Group ${group}: a push of ${primary}, requested at ${syncedAt}, arrived in full.`,
        list(
          secondaries,
          (each) => `${each.secondary}: was ${each.error} since ${each.since}, for ${duration(each.seconds)}`,
        ),
        'There is nothing to do.',
      ]);
    }
    case 'Join Failed':
      return joinFailed(event.detail, group, now);
    case 'Push Failed': {
      const { primary, error, message: words } = event.detail;
      return incidentAlert(group, event.detail, now, `the push failed (${error})`, [
        `The push of ${primary} did not come to its end, so no secondary is brought up to date.`,
        quote(words),
        todo(
          `see what it said: aws ssm list-command-invocations --instance-id ${primary} --details --max-items 3`,
          `and whether the host is well: ${statusOf(primary)}`,
        ),
      ]);
    }
    case 'Push Overrun': {
      const { primary, command, seconds } = event.detail;
      return incidentAlert(group, event.detail, now, `a push takes longer than a minute`, [
        `The push ${command} of ${primary} still runs after ${duration(seconds)}. Secondaries that it is done with are pushed to as ever; those that it still serves wait.`,
        todo(
          'if much was uploaded, wait; it goes on from where it is',
          `if a secondary hangs, see on ${primary} which one its rsync waits for: aws ssm start-session --target ${primary}, then pgrep -af rsync`,
        ),
      ]);
    }
    case 'Directory Not Pushed': {
      const { primary, directories } = event.detail;
      const names = directories.map(({ directory }) => directory).join(', ');
      return incidentAlert(group, event.detail, now, `${names} is not pushed`, [
        `On ${primary}, as seen by the last push (nothing was deleted anywhere):`,
        list(directories, ({ directory, error, message: words }) => `${directory}: ${error}: ${words}`),
        todo(
          `look at it there: aws ssm start-session --target ${primary}`,
          'mount the volume, or put the directory back; the next push goes on by itself',
        ),
      ]);
    }
    case 'Files Too Large':
      return filesTooLarge(event.detail, group, now);
    case 'Deletions Held': {
      const { primary, deletions, count, total, message: words, examples } = event.detail;
      return incidentAlert(group, event.detail, now, `${count} deletions are held`, [
        `On ${primary}, ${count} of ${total} entries are gone since the last push. They were NOT deleted on the secondaries; what is new was sent.`,
        quote(words),
        list(examples, (each) => each),
        todo(
          `if they were meant to go: aws ec2 create-tags --resources ${primary} --tags Key=${tagKeys.acceptDeletions},Value=${deletions}`,
          `if not, put them back on ${primary}: every secondary still has them`,
        ),
      ]);
    }
    case 'No Primary': {
      const { instances } = event.detail;
      return incidentAlert(group, event.detail, now, 'it has no primary', [
        `None of ${plainText(instances.join(', '), longestQuote)} carries the tag ${tagKeys.primary}: nothing is pushed.`,
        todo(
          `name the host that editors upload to: aws ec2 create-tags --resources i-… --tags Key=${tagKeys.primary},Value=1 Key=${tagKeys.directories},Value=/…`,
        ),
      ]);
    }
    case 'Several Primaries': {
      const { primaries } = event.detail;
      return incidentAlert(group, event.detail, now, 'it has several primaries', [
        `${plainText(primaries.join(', '), longestQuote)} carry the tag ${tagKeys.primary}: nothing is pushed until all but one have lost it.`,
        todo(
          `take it from those that editors do not upload to: aws ec2 delete-tags --resources i-… --tags Key=${tagKeys.primary}`,
        ),
      ]);
    }
    case 'Primary Unavailable': {
      const { primary, message: words } = event.detail;
      return incidentAlert(group, event.detail, now, `the primary ${primary} is not available`, [
        quote(words),
        todo(
          `look at it: ${statusOf(primary)}`,
          `and at its agent: aws ssm get-connection-status --target ${primary}`,
        ),
      ]);
    }
    case 'Configuration Invalid':
      return incidentAlert(group, event.detail, now, 'a tag is wrong', [
        quote(event.detail.message, 2000),
        todo('correct the tag as it says; the next tick goes on by itself'),
      ]);
    case 'Primary Promoted': {
      const { primary, from, epoch, kind, why, secondsAtRisk, seconds, claimedAt } = event.detail;
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
    case 'Promotion Blocked': {
      const { primary, why, message: words, candidates, epoch, directories } = event.detail;
      return incidentAlert(group, event.detail, now, `${primary} is not replaced: ${words}`, [
        `Why it should be: ${plainText(why, longestQuote)}`,
        candidates.length === 0
          ? 'There is no other host in the group.'
          : list(candidates, describeCandidate),
        todo(`bring ${primary} back: ${statusOf(primary)}`, ...overrides(candidates, epoch, directories)),
      ]);
    }
    case 'Writes Not Resumed': {
      const { primary, message: words } = event.detail;
      return incidentAlert(group, event.detail, now, `${primary} may still refuse writes`, [
        `The switchover was withdrawn after the hook before-demotion had run on ${primary}, so it stays the primary. The hook that lets editors write again has not run:`,
        quote(words),
        todo(
          `let the site write again by hand, as the hook demotion-cancelled or after-promotion in /etc/hostsync/hooks would: aws ssm start-session --target ${primary}`,
          'hostsync tries it again every minute',
        ),
      ]);
    }
    case 'Primary Suspected': {
      const { primary, signs, seen } = event.detail;
      return incidentAlert(group, event.detail, now, `the primary ${primary} may be dead`, [
        list([...signs, ...seen], (each) => each),
        'It is replaced only when all who look agree, several times in a row.',
        todo(
          `look at it: ${statusOf(primary)}`,
          `and at its agent: aws ssm get-connection-status --target ${primary}`,
        ),
      ]);
    }
    case 'Files Rescued':
      return filesRescued(event.detail, group);
    case 'Files Kept':
      return filesKept(event.detail, group);
    case 'Hook Failed': {
      const { primary, hook, count, secondaries } = event.detail;
      const where = count === 1 ? name(secondaries) : `${count} secondaries`;
      return incidentAlert(group, event.detail, now, `the hook ${hook} failed on ${where}`, [
        `What ${primary} pushed has arrived there. Only what the hook does, as emptying a cache, was not done; hostsync does not repeat it for these files.`,
        list(secondaries, ({ secondary, message: words }) => `${secondary}: ${words}`),
        todo(
          `look at the hook and run it by hand: ${sessionOn(secondaries.map(({ secondary }) => secondary))}, then ls -l /etc/hostsync/hooks/${hook}`,
          'the alert is resolved by the next files that arrive, if the hook then succeeds',
        ),
      ]);
    }
    case 'Deletions Not Kept': {
      const { primary, count, secondaries } = event.detail;
      const where = count === 1 ? name(secondaries) : `${count} secondaries`;
      return incidentAlert(group, event.detail, now, `deleted files are not all kept on ${where}`, [
        `The last push of ${primary} deleted or replaced files there that the option keep-deleted did not keep. The push itself is well.`,
        list(secondaries, ({ secondary, message: words }) => `${secondary}: ${words}`),
        todo(
          `see what is kept: ${sessionOn(secondaries.map(({ secondary }) => secondary))}, then du -sh /var/lib/hostsync/kept and df -h /var/lib/hostsync`,
          `if that is too little room: a larger keep-max in ${tagKeys.options} of ${primary}, or a larger disk`,
          'the alert is resolved by the next push that deletes or replaces files, if these are kept',
        ),
      ]);
    }
    case 'Extra Files Deleted':
      return extraFilesDeleted(event.detail, group);
    case 'Rescue Failed': {
      const { primary, from, message: words } = event.detail;
      return incidentAlert(group, event.detail, now, `what ${from} holds is not rescued yet`, [
        quote(words),
        `It stays apart and loses nothing; it is tried again every minute.`,
        todo(
          `see what was said: aws ssm list-command-invocations --instance-id ${primary} --details --max-items 3`,
          `look at the host: aws ssm start-session --target ${from}`,
        ),
      ]);
    }
    case 'Group Recovered': {
      const { from, since, seconds, instance } = event.detail;
      const of = instance === undefined ? '' : ` of ${instance}`;
      return message(group, `resolved: ${lower(from)}${of}`, [
        `Group ${group}: "${from}"${of} was resolved after ${duration(seconds)} (it began at ${since}).`,
        'There is nothing to do.',
      ]);
    }
  }
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

function lower(type: GroupEventType): string {
  return type.toLowerCase();
}

function syncFailed(detail: EventDetails['Sync Failed'], group: string, now: number): Alert {
  const { secondaries, primary } = detail;
  const errors = new Set(secondaries.map(({ error }) => error));
  const what = `${name(secondaries)} ${secondaries.length > 1 ? 'are' : 'is'} behind (${[...errors].join(', ')})`;
  return incidentAlert(group, detail, now, what, [
    `Some files from ${primary} are not reaching these secondaries. The other secondaries are not affected.`,
    list(secondaries, ({ secondary, error, message: words, secondsBehind, syncedAt }) => {
      const lag = secondsBehind === undefined ? '' : `, ${secondsBehind} s behind (last in sync ${syncedAt})`;
      return `${secondary}${lag}: ${error}: ${words}`;
    }),
    todo(...remediesOfAll(secondaries, primary)),
  ]);
}

function joinFailed(detail: EventDetails['Join Failed'], group: string, now: number): Alert {
  const { secondary, message: words, final, member = false } = detail;
  const next = final
    ? 'Its launch was given up.'
    : member
      ? 'It serves the files that it has, and pushes may not reach it. hostsync goes on trying.'
      : 'It takes no traffic through hostsync, which goes on trying.';
  return incidentAlert(group, detail, now, `${secondary} cannot join${member ? ' again' : ''}`, [
    quote(words),
    next,
    todo(
      `see what it said: aws ssm list-command-invocations --instance-id ${secondary} --details --max-items 3`,
      `see whether it is up: ${statusOf(secondary)}`,
      ...(member
        ? [
            `put back there what the message names, as rsync, or a directory and its owner: aws ssm start-session --target ${secondary}`,
          ]
        : []),
      `if it does not belong to the group, take its tag away: aws ec2 delete-tags --resources ${secondary} --tags Key=${tagKeys.group}`,
    ),
  ]);
}

function name(secondaries: readonly { readonly secondary: string }[]): string {
  const ids = secondaries.map(({ secondary }) => secondary);
  return ids.length === 1 ? String(ids) : `${ids.length} secondaries`;
}

function atRisk(from: string, seconds: number | null): string {
  if (seconds === null)
    return `At risk: hostsync does not know when a secondary last had everything. Uploads may be on ${from} alone.`;
  if (seconds === 0) return 'At risk: no upload that hostsync knows of.';
  return `At risk: what was uploaded in the last ${seconds} s before the decision may be on ${from} alone.`;
}
