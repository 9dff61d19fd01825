/** A [?] of the documentation. `row` are words of the line that has the mark, for the check that none is forgotten. */
export interface Question {
  readonly id: string;
  readonly row: string;
  readonly question: string;
  /** Why no run asks it; undefined: verify/ask.ts does. */
  readonly notAsked?: string;
}

const fidelity = 'packages/local-cloud/docs/fidelity.md';
const needs = {
  document: 'needs a document of several steps',
  zone: 'needs a hosted zone of Route 53',
  address: 'needs an Elastic IP, and takes the public address of a host',
  moves: 'takes hosts out of the group that is measured',
  minutes: 'takes minutes',
  mapping: 'needs a function of its own',
  ipv6: 'needs a subnet with IPv6 alone',
  fault: 'only AWS can bring the fault about',
  hour: 'takes an hour',
} as const;

const asked = (id: string, row: string, question: string): Question => ({ id, row, question });
const open = (row: string, why: keyof typeof needs): Question => ({
  id: row,
  row,
  question: row,
  notAsked: needs[why],
});

/** Those of packages/local-cloud/docs/fidelity.md, in its order. */
export const fidelityQuestions: readonly Question[] = [
  open('Later steps after 168 and 169 are skipped', 'document'),
  asked(
    'stderr',
    'The agent reports the first 24,000 bytes of standard error',
    'What GetCommandInvocation gives of 20,000 characters of standard error',
  ),
  asked(
    'delayed',
    'A command that the agent refuses because it has ten is `Delayed`',
    'Statuses of twelve commands on one host after a while',
  ),
  asked(
    'cancelled',
    'A command that was cancelled before it began',
    'Statuses of these twelve once they are cancelled',
  ),
  open('Values that the agent alone refuses', 'document'),
  asked(
    'unknown-command',
    'SSM answers for a command that it does not know',
    'Error of GetCommandInvocation for a command that there never was',
  ),
  asked(
    'or-beside',
    'A key beside `$or` and inside it',
    'Does a key inside `$or` override the one beside it',
  ),
  asked('or-single', '`$or` that is no list of two or more objects is refused', '`$or` with one object'),
  asked(
    'wildcards',
    'A rule is too complex when one text can match',
    'A pattern of ten wildcards for one text',
  ),
  asked('anything-but', '`anything-but` of an empty list', '`anything-but` of an empty list of prefixes'),
  open('Errors that a model lacks, as Auto Scaling', 'fault'),
  open('`carriedOut: true` takes errors with HTTP 500 or 503 only', 'fault'),
  open("Words of errors are our own where AWS's are not documented", 'fault'),
  asked('long-key', 'The words for refused tags', 'CreateTags with a key of 129 characters'),
  asked('many-resources', 'More than 1,000 resources in `CreateTags`', 'CreateTags on 1,001 resources'),
  open('`CreateTags` on several resources of which one has 50 tags', 'moves'),
  open('An instance that loses its Elastic IP', 'address'),
  open('An Elastic IP for an instance that is pending', 'address'),
  open('`AssociateAddress` is judged for the address and the instance', 'address'),
  open('Simple, weighted and multi-value records of one name', 'zone'),
  open('Weighted records of one name and type have one TTL', 'zone'),
  open('A record may be deleted although an alias points at it', 'zone'),
  open('`ExitStandby` and `AttachInstances` go through the hooks', 'moves'),
  open('`DetachInstances` and `EnterStandby` ask no hook', 'moves'),
  open('`DetachInstances` ends with', 'moves'),
  open('`EnterStandby` and retention send no event', 'moves'),
  open('`ExitStandby` refuses an instance that does not run', 'moves'),
  open('A replacement is launched when a termination begins', 'moves'),
  open('An instance refresh replaces the oldest first', 'hour'),
  open('It replaces at most up to the next checkpoint', 'hour'),
  asked(
    'no-hook',
    '`DeleteLifecycleHook` of a hook that there is not',
    'DeleteLifecycleHook of a hook that there is not',
  ),
  open("With `'ipv6'`, `IPAddress` of", 'ipv6'),
  open('`AssociateAddress` for an instance with IPv6 alone', 'ipv6'),
  asked(
    'second-delete',
    'A second delete with the same handle succeeds',
    'DeleteMessage of a FIFO queue, twice with one handle',
  ),
  asked(
    'replaced-handle',
    'A handle that a later receive replaced counts as expired',
    'DeleteMessage of a FIFO queue with a handle that a later receive replaced',
  ),
  asked(
    'visibility',
    '`ChangeMessageVisibility` counts the new time-out from the request',
    'From when ChangeMessageVisibility counts',
  ),
  asked('purge', 'Deduplication ids stay taken after `PurgeQueue`', 'A deduplication id after PurgeQueue'),
  open('Retention ends a message that is in flight, too', 'minutes'),
  open('A throttled run of a mapping counts as a receive', 'mapping'),
];

/** What else hostsync takes for granted, or tolerates in every form. */
export const otherQuestions: readonly Question[] = [
  asked('one-bad-id', 'SendCommand', 'SendCommand to a host and to one that there is not'),
  asked('rrsync', 'rrsync', 'Is rrsync to be had on the hosts'),
];

export const whereOf = (question: Question): string =>
  otherQuestions.includes(question) ? 'docs/host-package.md' : fidelity;
