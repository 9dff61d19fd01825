import type { EventDetails } from '../model/domain-event.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { type Alert, incidentAlert, quote, todo } from './alert-text.ts';
import { filesThatWait, statusOf } from './remedies.ts';

export function joinFailed(detail: EventDetails['Join Failed'], group: string, now: number): Alert {
  const { secondary, message: words, final, member = false, unrescued = false } = detail;
  const next = final
    ? 'Its launch was given up.'
    : member
      ? 'It serves the files that it has, and pushes may not reach it. hostsync goes on trying.'
      : 'It takes no traffic through hostsync, which goes on trying.';
  return incidentAlert(group, detail, now, `${secondary} cannot join${member ? ' again' : ''}`, [
    quote(words),
    next,
    ...(unrescued
      ? [
          `${secondary} was the primary. Files that only it holds may wait there, and are rescued once it has joined. Do not terminate it before that.`,
        ]
      : []),
    todo(
      `see what it said: aws ssm list-command-invocations --instance-id ${secondary} --details --max-items 3`,
      `see whether it is up: ${statusOf(secondary)}`,
      ...(member
        ? [
            `put back there what the message names, as rsync, or a directory and its owner: aws ssm start-session --target ${secondary}`,
          ]
        : []),
      ...(unrescued ? [`see which files may wait there: ${filesThatWait(secondary)}`] : []),
      `if it does not belong to the group, take its tag away: aws ec2 delete-tags --resources ${secondary} --tags Key=${tagKeys.group}`,
    ),
  ]);
}
