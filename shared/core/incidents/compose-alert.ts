import type { DomainEvent, EventDetails } from '../model/domain-event.ts';
import { plainText } from '../model/plain-text.ts';
import { duration } from '../model/time.ts';
import { type Alert, incidentAlert, message, quote, todo } from './alert-text.ts';
import { extraFilesDeleted, filesKept, filesRescued, filesTooLarge, rescueFailed } from './file-alerts.ts';
import { joinFailed } from './join-alert.ts';
import {
  noPrimary,
  primaryPromoted,
  primarySuspected,
  primaryUnavailable,
  promotionBlocked,
  severalPrimaries,
  writesNotResumed,
} from './primary-alerts.ts';
import {
  deletionsHeld,
  deletionsNotKept,
  directoryNotPushed,
  hookFailed,
  pushFailed,
  pushOverrun,
  syncFailed,
  syncRecovered,
} from './push-alerts.ts';
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

// biome-ignore lint/complexity/noExcessiveLinesPerFunction: one case for each event
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
    case 'Sync Recovered':
      return syncRecovered(event.detail, group);
    case 'Join Failed':
      return joinFailed(event.detail, group, now);
    case 'Push Failed':
      return pushFailed(event.detail, group, now);
    case 'Push Overrun':
      return pushOverrun(event.detail, group, now);
    case 'Directory Not Pushed':
      return directoryNotPushed(event.detail, group, now);
    case 'Files Too Large':
      return filesTooLarge(event.detail, group, now);
    case 'Deletions Held':
      return deletionsHeld(event.detail, group, now);
    case 'No Primary':
      return noPrimary(event.detail, group, now);
    case 'Several Primaries':
      return severalPrimaries(event.detail, group, now);
    case 'Primary Unavailable':
      return primaryUnavailable(event.detail, group, now);
    case 'Configuration Invalid':
      return incidentAlert(group, event.detail, now, 'a tag is wrong', [
        quote(event.detail.message, 2000),
        todo('correct the tag as it says; the next tick goes on by itself'),
      ]);
    case 'Primary Promoted':
      return primaryPromoted(event.detail, group);
    case 'Promotion Blocked':
      return promotionBlocked(event.detail, group, now);
    case 'Writes Not Resumed':
      return writesNotResumed(event.detail, group, now);
    case 'Primary Suspected':
      return primarySuspected(event.detail, group, now);
    case 'Files Rescued':
      return filesRescued(event.detail, group);
    case 'Files Kept':
      return filesKept(event.detail, group);
    case 'Hook Failed':
      return hookFailed(event.detail, group, now);
    case 'Deletions Not Kept':
      return deletionsNotKept(event.detail, group, now);
    case 'Extra Files Deleted':
      return extraFilesDeleted(event.detail, group);
    case 'Rescue Failed':
      return rescueFailed(event.detail, group, now);
    case 'Group Recovered':
      return groupRecovered(event.detail, group);
  }
}

function groupRecovered(detail: EventDetails['Group Recovered'], group: string): Alert {
  const { from, since, seconds, instance } = detail;
  const of = instance === undefined ? '' : ` of ${instance}`;
  return message(group, `resolved: ${from.toLowerCase()}${of}`, [
    `Group ${group}: "${from}"${of} was resolved after ${duration(seconds)} (it began at ${since}).`,
    'There is nothing to do.',
  ]);
}
