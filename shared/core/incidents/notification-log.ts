import type { DomainEvent } from '../model/domain-event.ts';
import { digest } from '../model/task.ts';

/** What was notified last of one host of an incident, or of the incident itself where it has none. */
export interface LoggedNotification {
  readonly cause: string;
  /** The id of the event that was notified. */
  readonly event: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** By host; '' for a group as a whole. It is kept for each incident, as Alertmanager's notification log. */
export type NotificationLog = Readonly<Record<string, LoggedNotification>>;

/** What an event says of an incident, in the form that stays the same while the incident does. */
export interface IncidentUpdate {
  /** The same for all events on one kind of incident of one group: 16 hexadecimal digits. */
  readonly incident: string;
  /** The cause by host, of what begins, changes or goes on. */
  readonly causes: Readonly<Record<string, string>>;
  /** The hosts whose incident is over. */
  readonly resolved: readonly string[];
  /** It reminds of what was notified before. */
  readonly reminds: boolean;
}

/** Whether an event becomes a message, with the reason, and what is then known to have been notified. */
export interface NotificationDecision {
  readonly notify: boolean;
  readonly reason: string;
  readonly log: NotificationLog;
}

/** What this event says of an incident; undefined for one that is on no incident. */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: one case for each event, and nothing else
export function incidentUpdate({ type, detail }: DomainEvent): IncidentUpdate | undefined {
  const { group } = detail;
  const raised = (causes: Readonly<Record<string, string>>, reminder: number): IncidentUpdate => {
    return { incident: incidentId(type, group), causes, resolved: [], reminds: reminder > 0 };
  };
  switch (type) {
    case 'Sync Failed': {
      const causes = detail.secondaries.map(({ secondary, error }) => [secondary, error]);
      return raised(Object.fromEntries(causes), detail.reminder);
    }
    case 'Sync Recovered': {
      const resolved = detail.secondaries.map(({ secondary }) => secondary);
      return { incident: incidentId('Sync Failed', group), causes: {}, resolved, reminds: false };
    }
    case 'Group Recovered': {
      const { from, instance = '' } = detail;
      return { incident: incidentId(from, group), causes: {}, resolved: [instance], reminds: false };
    }
    case 'Join Failed':
      return raised({ [detail.secondary]: detail.final ? 'final' : detail.message }, detail.reminder);
    case 'Rescue Failed':
      return raised({ [detail.from]: detail.message }, detail.reminder);
    case 'Push Failed':
      return raised({ '': detail.error }, detail.reminder);
    case 'Directory Not Pushed':
      return raised(
        { '': detail.directories.map((each) => `${each.directory} ${each.error}`).join('\n') },
        detail.reminder,
      );
    case 'Files Too Large':
      return raised(
        { '': detail.directories.map((each) => `${each.directory} ${each.count}`).join('\n') },
        detail.reminder,
      );
    case 'Deletions Held':
      return raised({ '': detail.deletions }, detail.reminder);
    case 'Hook Failed':
      return raised({ '': detail.hook }, detail.reminder);
    case 'Several Primaries':
      return raised({ '': detail.primaries.join(' ') }, detail.reminder);
    case 'Configuration Invalid':
    case 'Primary Unavailable':
    case 'Promotion Blocked':
    case 'Writes Not Resumed':
      return raised({ '': withoutNumbers(detail.message) }, detail.reminder);
    case 'Push Overrun':
    case 'Deletions Not Kept':
    case 'No Primary':
    case 'Primary Suspected':
      return raised({ '': type }, detail.reminder);
    // Stryker disable StringLiteral,ConditionalExpression: what is no case comes to the same
    case 'Files Synced':
    case 'Action Observed':
    case 'Files Rescued':
    case 'Files Kept':
    case 'Extra Files Deleted':
    case 'Primary Promoted':
    case 'Secondary Joined':
    case 'Secondary Left':
      return undefined;
    // Stryker restore StringLiteral,ConditionalExpression
  }
}

function incidentId(type: DomainEvent['type'], group: string): string {
  return digest(`incident\n${type}\n${group}`);
}

function withoutNumbers(text: string): string {
  return text.replaceAll(/\b\d+\b/gu, '#');
}

/**
 * Is this event news? An incident whose beginning could not be stored is found, and published, anew at every tick, each time with another
 * time and id: it is notified once, until it is resolved, has another cause, or lasts for longer than the time between two reminders.
 *
 * @param event the id of the event, which may come several times
 * @param now milliseconds since 1970
 * @param remindAfter seconds
 */
export function decideNotification(
  log: NotificationLog,
  { causes, resolved, reminds }: IncidentUpdate,
  { event, now, remindAfter }: { readonly event: string; readonly now: number; readonly remindAfter: number },
): NotificationDecision {
  const kept = Object.entries(log).filter(
    ([host, { at }]) => !resolved.includes(host) && now - at < remindAfter * 1000,
  );
  const known = new Map(kept);
  const isNews = ([host, cause]: readonly [string, string]): boolean => {
    const last = known.get(host);
    return last === undefined || last.cause !== cause || last.event === event;
  };
  const news = Object.entries(causes).filter((each) => reminds || isNews(each));
  if (resolved.length === 0 && news.length === 0)
    return { notify: false, reason: 'the same was notified already, and is not resolved', log };
  for (const [host, cause] of news) known.set(host, { cause, event, at: now });
  const reason = resolved.length > 0 ? 'resolved' : reminds ? 'a reminder' : 'new, or with another cause';
  return { notify: true, reason, log: Object.fromEntries(known) };
}
