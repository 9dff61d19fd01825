// The alerts on pushes and on what they do on secondaries.
import type { EventDetails } from '../model/domain-event.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { duration } from '../model/time.ts';
import { type Alert, incidentAlert, list, message, quote, todo } from './alert-text.ts';
import { remediesOfAll, sessionOn, statusOf } from './remedies.ts';

export function syncFailed(detail: EventDetails['Sync Failed'], group: string, now: number): Alert {
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

export function syncRecovered(detail: EventDetails['Sync Recovered'], group: string): Alert {
  const { secondaries, primary, syncedAt } = detail;
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

export function pushFailed(detail: EventDetails['Push Failed'], group: string, now: number): Alert {
  const { primary, error, message: words } = detail;
  return incidentAlert(group, detail, now, `the push failed (${error})`, [
    `The push of ${primary} did not finish, so no secondary is brought up to date.`,
    quote(words),
    todo(
      `see what it said: aws ssm list-command-invocations --instance-id ${primary} --details --max-items 3`,
      `and whether the host is well: ${statusOf(primary)}`,
    ),
  ]);
}

export function pushOverrun(detail: EventDetails['Push Overrun'], group: string, now: number): Alert {
  const { primary, command, seconds } = detail;
  return incidentAlert(group, detail, now, `a push takes longer than a minute`, [
    `The push ${command} of ${primary} still runs after ${duration(seconds)}. Secondaries that it is done with are pushed to as ever; those that it still serves wait.`,
    todo(
      'if much was uploaded, wait; it goes on from where it is',
      `if a secondary hangs, see on ${primary} which one its rsync waits for: aws ssm start-session --target ${primary}, then pgrep -af rsync`,
    ),
  ]);
}

export function directoryNotPushed(
  detail: EventDetails['Directory Not Pushed'],
  group: string,
  now: number,
): Alert {
  const { primary, directories } = detail;
  const names = directories.map(({ directory }) => directory).join(', ');
  return incidentAlert(group, detail, now, `${names} ${directories.length === 1 ? 'is' : 'are'} not pushed`, [
    `On ${primary}, as seen by the last push (nothing was deleted anywhere):`,
    list(directories, ({ directory, error, message: words }) => `${directory}: ${error}: ${words}`),
    todo(
      `look at it there: aws ssm start-session --target ${primary}`,
      'mount the volume, or put the directory back; the next push goes on by itself',
      ...(directories.some(({ error }) => error === 'empty')
        ? ['a directory of a new site that is empty as yet needs nothing: the first file in it ends this']
        : []),
    ),
  ]);
}

export function deletionsHeld(detail: EventDetails['Deletions Held'], group: string, now: number): Alert {
  const { primary, deletions, count, total, message: words, examples } = detail;
  return incidentAlert(group, detail, now, `${count} deletions are held`, [
    `On ${primary}, ${count} of ${total} entries are gone since the last push. They were NOT deleted on the secondaries; what is new was sent.`,
    quote(words),
    list(examples, (each) => each),
    todo(
      `if they were meant to go: aws ec2 create-tags --resources ${primary} --tags Key=${tagKeys.acceptDeletions},Value=${deletions}`,
      `if not, put them back on ${primary}: every secondary still has them`,
    ),
  ]);
}

export function hookFailed(detail: EventDetails['Hook Failed'], group: string, now: number): Alert {
  const { primary, hook, count, secondaries } = detail;
  const where = count === 1 ? name(secondaries) : `${count} secondaries`;
  return incidentAlert(group, detail, now, `the hook ${hook} failed on ${where}`, [
    `What ${primary} pushed has arrived there. Only what the hook does, as emptying a cache, was not done; hostsync does not repeat it for these files.`,
    list(secondaries, ({ secondary, message: words }) => `${secondary}: ${words}`),
    todo(
      `look at the hook and run it by hand: ${sessionOn(secondaries.map(({ secondary }) => secondary))}, then ls -l /etc/hostsync/hooks/${hook}`,
      'the alert is resolved by the next files that arrive, if the hook then succeeds',
    ),
  ]);
}

export function deletionsNotKept(
  detail: EventDetails['Deletions Not Kept'],
  group: string,
  now: number,
): Alert {
  const { primary, count, secondaries } = detail;
  const where = count === 1 ? name(secondaries) : `${count} secondaries`;
  return incidentAlert(group, detail, now, `deleted files are not all kept on ${where}`, [
    `The last push of ${primary} deleted or replaced files there that the option keep-deleted did not keep. The push itself is well.`,
    list(secondaries, ({ secondary, message: words }) => `${secondary}: ${words}`),
    todo(
      `see what is kept: ${sessionOn(secondaries.map(({ secondary }) => secondary))}, then du -sh /var/lib/hostsync/kept and df -h /var/lib/hostsync`,
      `if that is too little room: a larger keep-max in ${tagKeys.options} of ${primary}, or a larger disk`,
      'the alert is resolved by the next push that deletes or replaces files, if these are kept',
    ),
  ]);
}

function name(secondaries: readonly { readonly secondary: string }[]): string {
  const ids = secondaries.map(({ secondary }) => secondary);
  return ids.length === 1 ? String(ids) : `${ids.length} secondaries`;
}
