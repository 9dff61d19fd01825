import type { ObservedInstance } from './observation.ts';
import { tagKeys } from './tag-keys.ts';

/** What hostsync would do, in the kinds that people tell apart. */
export const intentionKinds = [
  'push',
  'promote',
  'join',
  'demote',
  'rescue',
  'leave',
  'tag',
  'lifecycle',
  'point',
] as const;
export type IntentionKind = (typeof intentionKinds)[number];

/** Something that hostsync would do to a group that is only observed. */
export interface Intention {
  readonly kind: IntentionKind;
  /** The hosts that it is about. */
  readonly hosts: readonly string[];
  readonly reason: string;
}

/** An intention, and since when hostsync has it, in milliseconds since 1970. */
export interface NotedIntention extends Intention {
  readonly since: number;
}

/** The same on the same hosts is the same intention, in whatever words: reasons name times. */
export function intentionKey({ kind, hosts }: Intention): string {
  return `${kind} ${[...hosts].sort().join(' ')}`;
}

const longestReason = 500;

/** The note on the group: one line an intention. */
export function formatIntentions(noted: readonly NotedIntention[]): string {
  return noted
    .map(({ since, kind, hosts, reason }) =>
      [since, kind, hosts.join(' '), reason.replaceAll(/\s+/gu, ' ').slice(0, longestReason)].join('\t'),
    )
    .join('\n');
}

/** What is noted of a group: every member carries the notes of its group. The oldest first. */
export function notedIntentions(members: readonly ObservedInstance[]): readonly NotedIntention[] {
  const note = members.map(({ tags }) => tags[tagKeys.intentions]).find((each) => each !== undefined);
  if (note === undefined) return [];
  return note.split('\n').flatMap((line): readonly NotedIntention[] => {
    const [since, word, hosts = '', reason = ''] = line.split('\t');
    const kind = intentionKinds.find((each) => each === word);
    if (kind === undefined) return [];
    return [{ since: Number(since), kind, hosts: hosts === '' ? [] : hosts.split(' '), reason }];
  });
}

const verbs: Readonly<Record<IntentionKind, string>> = {
  push: 'push',
  promote: 'promote',
  join: 'join',
  demote: 'demote',
  rescue: 'rescue the files of',
  leave: 'take off the list',
  tag: 'change the tags of',
  lifecycle: 'answer Auto Scaling for',
  point: 'point names and targets at',
};

/** What, and to whom: after "would". */
function intentionWords({ kind, hosts }: Intention): string {
  return `${verbs[kind]} ${hosts.length === 0 ? 'the primary' : hosts.join(', ')}`;
}

/** The same, and why. */
export function describeIntention(intention: Intention): string {
  return `${intentionWords(intention)}: ${intention.reason}`;
}
