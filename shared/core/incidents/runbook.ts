import type { DomainEvent } from '../model/domain-event.ts';

/** Of the repository: a mail cannot know where it is hosted. */
const folder = 'docs/runbooks';

/** The page on the alarms of CloudWatch, which watch hostsync itself. */
export const runbookOfAlarms = `${folder}/alarms.md`;

/**
 * The page that says what an alert means and what to do, as a path in the repository. A recovery names the page of what is over: it says how
 * the next one is prevented.
 */
export function runbookOf(event: DomainEvent): string {
  return `${folder}/${incidentOf(event).toLowerCase().replaceAll(' ', '-')}.md`;
}

function incidentOf(event: DomainEvent): DomainEvent['type'] {
  switch (event.type) {
    case 'Sync Recovered':
      return 'Sync Failed';
    case 'Group Recovered':
      return event.detail.from;
    default:
      return event.type;
  }
}
