import type { IncidentDetail } from '../model/incident-detail.ts';
import { plainText, subjectText } from '../model/plain-text.ts';
import { duration, secondsBetween } from '../model/time.ts';

/** A message for people. */
export interface Alert {
  /** ASCII, less than 100 characters. */
  readonly subject: string;
  readonly body: string;
}

/** The longest quotation of what a host said, in characters. */
export const longestQuote = 500;
/** A message names so many secondaries one by one; the others it counts. */
export const mostNamed = 10;

/** The message on an incident: what it is and since when, whether it is news, a change or a reminder, and what else there is to say. */
export function incidentAlert(
  group: string,
  { since, reminder, changed = false, flaps = 0 }: IncidentDetail,
  now: number,
  what: string,
  paragraphs: readonly string[],
): Alert {
  const lasted = duration(secondsBetween(Date.parse(since), now));
  const again = changed ? 'changed: ' : reminder > 0 ? `still (${lasted}): ` : '';
  const history = [
    ...(changed ? ['The cause is another one than in the last message.'] : []),
    ...(reminder > 0 && !changed ? [`This is reminder ${reminder}.`] : []),
    ...(flaps > 0
      ? [
          `It came back ${flaps} ${flaps === 1 ? 'time' : 'times'} within an hour: 'resolved' will come later each time.`,
        ]
      : []),
  ];
  return message(group, `${again}${what}`, [
    [`Group ${group}: ${plainText(what, longestQuote)}, since ${since} (${lasted}).`, ...history].join(' '),
    ...paragraphs,
  ]);
}

/** A message of several paragraphs. */
export function message(group: string, what: string, paragraphs: readonly string[]): Alert {
  return { subject: subjectText(`hostsync ${group}: ${what}`), body: `${paragraphs.join('\n\n')}\n` };
}

/** What a host said, in its own words. */
export function quote(words: string, most = longestQuote): string {
  return `It said: ${plainText(words, most)}`;
}

/** A line for each of the first ten, and how many more there are. */
export function list<Item>(items: readonly Item[], line: (item: Item) => string): string {
  const named = items.slice(0, mostNamed).map((item) => `- ${plainText(line(item), longestQuote)}`);
  const more = items.length - named.length;
  return [...named, ...(more > 0 ? [`- and ${more} more`] : [])].join('\n');
}

/** The steps that a person takes, one a line. */
export function todo(...steps: readonly string[]): string {
  return `What to do:\n${steps.map((step) => `- ${step}`).join('\n')}`;
}
