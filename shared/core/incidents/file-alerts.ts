import type { EventDetails } from '../model/domain-event.ts';
import { plainText } from '../model/plain-text.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { type Alert, incidentAlert, list, longestQuote, message, quote, todo } from './alert-text.ts';
import { filesThatWait } from './remedies.ts';

/** A file's name as a word of a shell. */
function quoted(path: string): string {
  return `'${plainText(path, longestQuote).replaceAll("'", "'\\''")}'`;
}

export function filesRescued(detail: EventDetails['Files Rescued'], group: string): Alert {
  const { primary, from, files, conflicts, examples, list: file, keptIn, tooLong = 0 } = detail;
  const kept =
    keptIn === undefined ? 'below /var/lib/hostsync/rescued' : `in ${plainText(keptIn, longestQuote)}`;
  const brought = files + conflicts;
  const what =
    brought > 0 ? `${brought} files of ${from} were rescued` : `${tooLong} paths of ${from} were not rescued`;
  return message(group, what, [
    `Group ${group}: ${from} held ${files} files that ${primary} did not have, and ${conflicts} that ${primary} has with other content. ${brought > 0 ? `All are on ${primary} now; nothing was overwritten.` : ''}`.trim(),
    ...(brought > 0 ? [list(examples, (each) => each)] : []),
    ...(tooLong > 0
      ? [
          `${tooLong} paths are too long for rsync. They stay on ${from} alone:`,
          list(detail.tooLongExamples ?? [], (each) => each),
        ]
      : []),
    todo(
      ...(file === ''
        ? []
        : [
            `all their names: aws ssm start-session --target ${primary}, then tr '\\0' '\\n' < ${quoted(file)}`,
          ]),
      ...(conflicts > 0
        ? [`decide which version of the ${conflicts} is right: the rescued ones are on ${primary} ${kept}`]
        : []),
      ...(tooLong > 0
        ? [
            `rename or copy the ${tooLong} by hand before ${from} is terminated: aws ssm start-session --target ${from}`,
          ]
        : []),
    ),
  ]);
}

export function filesKept(
  { primary, from, files, keptIn, tooLong }: EventDetails['Files Kept'],
  group: string,
): Alert {
  const session = `aws ssm start-session --target ${from}`;
  return message(group, `${files + tooLong} files of ${from} cannot be rescued`, [
    `Group ${group}: ${from} was the primary before ${primary}, and holds files that ${primary} cannot fetch. Nothing deletes them, but they end with the host.`,
    ...(files > 0
      ? [
          `${files} files that only root can read, or that came too late, are copied on ${from} to ${plainText(keptIn, longestQuote)}.`,
        ]
      : []),
    ...(tooLong > 0 ? [`${tooLong} paths are too long for rsync; no push deletes them.`] : []),
    todo(
      ...(files > 0
        ? [
            `copy what is needed from there to ${primary} before ${from} is terminated: ${session}, then find ${quoted(keptIn)} -type f`,
          ]
        : []),
      ...(tooLong > 0 ? [`shorten the long paths, or copy them by hand: ${session}`] : []),
    ),
  ]);
}

export function extraFilesDeleted(detail: EventDetails['Extra Files Deleted'], group: string): Alert {
  const { primary, requestedAt, directories } = detail;
  const count = directories.reduce((sum, each) => sum + each.count, 0);
  const instances = [...new Set(directories.flatMap((each) => each.instances))];
  const on = instances.length === 1 ? instances[0] : 'secondaries';
  return message(group, `${count} files that only ${on} had were deleted`, [
    `Group ${group}: the push of ${primary} that was asked for at ${requestedAt} compared everything. What only a secondary had was deleted there. Somebody may have uploaded to the wrong host.`,
    ...directories.map((each) => {
      const more = each.secondaries - each.instances.length;
      const hosts = `${each.instances.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
      return `${plainText(each.directory, longestQuote)}, ${each.count} on ${hosts}${each.examples.length > 0 ? `:\n${list(each.examples, (name) => name)}` : '.'}`;
    }),
    todo(
      `if they were uploads, upload them again to ${primary}, and let editors reach no other host`,
      'if software on the secondaries writes there, as a cache does, exclude these names with the tag ' +
        `${tagKeys.exclude}: aws ec2 create-tags --resources ${primary} --tags Key=${tagKeys.exclude},Value="cache/"`,
    ),
  ]);
}

export function filesTooLarge(detail: EventDetails['Files Too Large'], group: string, now: number): Alert {
  const { primary, directories } = detail;
  const count = directories.reduce((sum, each) => sum + each.count, 0);
  return incidentAlert(group, detail, now, `${count} files are larger than max-size and are not sent`, [
    `The option max-size in the tag ${tagKeys.options} of ${primary} leaves them out. A secondary that has an earlier version keeps it; a promoted secondary lacks them. All other files are sent.`,
    ...directories.map(
      (each) =>
        `${plainText(each.directory, longestQuote)}, ${each.count}:\n${list(each.examples, (name) => name)}`,
    ),
    todo(
      `to send them: raise max-size in the tag ${tagKeys.options}, or take it out; everything is compared once then`,
      `to leave them out and hear no more of them: name them in the tag ${tagKeys.exclude}`,
      `or move them out of the synced directories: aws ssm start-session --target ${primary}`,
    ),
  ]);
}

export function rescueFailed(detail: EventDetails['Rescue Failed'], group: string, now: number): Alert {
  const { primary, from, message: words } = detail;
  return incidentAlert(group, detail, now, `what ${from} holds is not rescued yet`, [
    quote(words),
    `It stays apart and loses nothing; it is tried again every minute.`,
    todo(
      `see what was said: aws ssm list-command-invocations --instance-id ${primary} --details --max-items 3`,
      `see which files may wait there, once they are listed: ${filesThatWait(from)}`,
    ),
  ]);
}
