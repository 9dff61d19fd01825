import { joinOptions, leaseOf, type PushOptions, repeatedOptions } from './push-options.ts';

/** What one push is asked to do. The text form is documented in docs/host-package.md. */
export interface PushRequest extends PromoteRequest {
  readonly directories: readonly string[];
  readonly excludes: readonly string[];
  readonly options: PushOptions;
  readonly secondaries: readonly PushTarget[];
  /** The id of held deletions that an operator accepted. */
  readonly acceptDeletions?: string | undefined;
  /** The secondaries have never been in service: what is there already does not count. */
  readonly first?: boolean;
  /**
   * `auto`: push, then watch until the next push takes over. `end`, as if nothing is said: end a watch, and push once; without any secondary
   * nothing is looked at or sent. `beside`: push once, and leave a watch alone.
   */
  readonly watch?: 'auto' | 'end' | 'beside' | undefined;
  /** When a watch ends that nobody takes over, in seconds. */
  readonly lease?: number | undefined;
  /** For when the push was planned, in milliseconds since 1970: it takes over from an earlier one only. Without it, from any. */
  readonly tick?: number | undefined;
}

/** The request of a tick, or of a push in its place. */
export function planned(
  request: PushRequest,
  primary: string,
  { tick, tickSeconds }: { readonly tick: number; readonly tickSeconds: number },
): PushRequest {
  const lease = request.watch === 'auto' ? leaseOf(request.options, tickSeconds) : undefined;
  return { ...request, holder: primary, tick, lease };
}

/** The request that ends the watch of a primary, and looks at nothing. */
export function endOfWatch(
  group: string,
  epoch: number,
  primary: string,
  directories: readonly string[],
): PushRequest {
  return {
    group,
    epoch,
    holder: primary,
    directories,
    excludes: [],
    options: new Map(),
    secondaries: [],
    watch: 'end',
  };
}

export interface PushTarget {
  readonly id: string;
  readonly address: string;
  readonly port: number;
  /** Type and key, as in `ssh-ed25519 AAAA…`; undefined where the operator keeps it on the primary. */
  readonly hostKey: string | undefined;
}

/** The longest request, compressed and in base64, that a document takes; host-documents.mjs keeps the room for it. */
export const maximumRequestLength = 58 * 1024;

/** What one run of join is asked to do. */
export interface JoinRequest extends PromoteRequest {
  readonly directories: readonly string[];
  /** Who is to own a directory that is not there yet; undefined: it must be there. */
  readonly owner: { readonly user: string; readonly group: string } | undefined;
  /** The primary's: type and key. */
  readonly publicKey: string;
  /** What the primary may read: the directories, for as long as it gathers what only this host has, or what is kept of deleted and replaced files. */
  readonly readable?: 'directories' | 'kept' | undefined;
  /** Of the group's pushes; those of what is kept concern the host. */
  readonly options?: PushOptions;
}

/** What one run of promote is asked to do, and what all requests begin with. */
export interface PromoteRequest {
  readonly group: string;
  readonly epoch: number;
  /** The primary of the epoch: hosts refuse another one of the same epoch. */
  readonly holder?: string | undefined;
}

/** What one run of leave is asked to do. */
export interface LeaveRequest extends PromoteRequest {
  readonly directories: readonly string[];
  readonly excludes: readonly string[];
  /** The primary that follows. */
  readonly peer: string;
  /** Only get ready: it is still the primary. */
  readonly prepare: boolean;
}

/** What one run of rescue is asked to do. */
export interface RescueRequest extends PromoteRequest {
  readonly directories: readonly string[];
  readonly excludes: readonly string[];
  readonly sources: readonly PushTarget[];
  /** The sources are former primaries, with lists of what is stranded there. */
  readonly lists: boolean;
  /** Only what is held back from deletion by this id: an operator wants it back. */
  readonly held?: string | undefined;
  /** Only what the source keeps of a push that deleted or replaced it. */
  readonly kept?: KeptFiles | undefined;
}

/** What an operator wants back of deleted and replaced files. */
export interface KeptFiles {
  /** When the push was, as the list of kept files says it. */
  readonly time: string;
  /** Absolute paths of files, or of directories with all that is in them; none for everything. */
  readonly only: readonly string[];
}

/** What a host is asked to say of kept files. */
export interface KeptListRequest extends PromoteRequest {
  readonly directories: readonly string[];
  readonly only: readonly string[];
}

/** What one run of probe is asked to do. */
export interface ProbeRequest extends PromoteRequest {
  readonly target: Pick<PushTarget, 'id' | 'address' | 'port'>;
  /** Seconds from the first look to the second; undefined for at once. */
  readonly interval?: number | undefined;
}

/** What a host is asked to say of itself. */
export interface DoctorRequest extends PromoteRequest {
  /** Empty where the tags do not say. */
  readonly directories: readonly string[];
  readonly role: 'primary' | 'secondary';
}

type Line = readonly (string | number)[];

/** A field a line, its parts separated by a tab. Nothing in it may hold a tab or a line break; parsing saw to that. */
function formatLines(lines: readonly Line[]): string {
  return lines.map((line) => `${line.join('\t')}\n`).join('');
}

function heading({ group, epoch, holder }: PromoteRequest): readonly Line[] {
  return [['group', group], ['epoch', epoch], ...(holder === undefined ? [] : [['holder', holder]])];
}

export function formatPromoteRequest(request: PromoteRequest): string {
  return formatLines(heading(request));
}

const readableWords = { directories: 'yes', kept: 'kept' } as const;

export function formatJoinRequest({ directories, owner, publicKey, ...request }: JoinRequest): string {
  const belongsTo = owner === undefined ? [] : [owner.user, owner.group];
  return formatLines([
    ...heading(request),
    ...directories.map((directory) => ['directory', directory, ...belongsTo]),
    ['public-key', ...publicKey.split(' ').slice(0, 2)],
    ...(request.readable === undefined ? [] : [['option', 'readable', readableWords[request.readable]]]),
    ...joinOptions(request.options ?? new Map()).map((option) => ['option', ...option]),
  ]);
}

export function formatPushRequest(request: PushRequest): string {
  const { options, acceptDeletions, first } = request;
  const planned = (['watch', 'lease', 'tick'] as const).map((name) => [name, request[name]] as const);
  return formatLines([
    ...heading(request),
    ...directoryLines(request),
    ...request.secondaries.map(targetLine),
    ...repeatedOptions(options, request.watch === 'auto').map((option) => ['option', ...option]),
    ...planned.flatMap(([name, value]) => (value === undefined ? [] : [['option', name, value]])),
    ...(acceptDeletions === undefined ? [] : [['option', 'accept-deletions', acceptDeletions]]),
    ...(first === true ? [['option', 'first', 'yes']] : []),
  ]);
}

export function formatLeaveRequest(request: LeaveRequest): string {
  return formatLines([
    // While it is only prepared, the host itself is the primary
    ...heading(request.prepare ? request : { ...request, holder: request.peer }),
    ...directoryLines(request),
    ['option', 'peer', request.peer],
    ...(request.prepare ? [['option', 'prepare', 'yes']] : []),
  ]);
}

export function formatRescueRequest(request: RescueRequest): string {
  return formatLines([
    ...heading(request),
    ...directoryLines(request),
    ...request.sources.map(targetLine),
    ...(request.lists ? [['option', 'lists', 'yes']] : []),
    ...(request.held === undefined ? [] : [['option', 'held', request.held]]),
    ...(request.kept === undefined ? [] : [['option', 'kept', request.kept.time]]),
    ...(request.kept?.only ?? []).map((path) => ['only', path]),
  ]);
}

export function formatProbeRequest({ target, interval, ...request }: ProbeRequest): string {
  return formatLines([
    ...heading(request),
    ['secondary', target.id, target.address, target.port],
    ...(interval === undefined ? [] : [['option', 'interval', interval]]),
  ]);
}

export function formatDoctorRequest({ directories, role, ...request }: DoctorRequest): string {
  return formatLines([
    ...heading(request),
    ...directories.map((directory) => ['directory', directory]),
    ['option', 'role', role],
  ]);
}

export function formatKeptListRequest({ directories, only, ...request }: KeptListRequest): string {
  return formatLines([
    ...heading(request),
    ...directories.map((directory) => ['directory', directory]),
    ...only.map((path) => ['only', path]),
    ['option', 'list-kept', 'yes'],
  ]);
}

function directoryLines(request: Pick<PushRequest, 'directories' | 'excludes'>): readonly Line[] {
  return [
    ...request.directories.map((directory) => ['directory', directory]),
    ...request.excludes.map((pattern) => ['exclude', pattern]),
  ];
}

function targetLine({ id, address, port, hostKey }: PushTarget): Line {
  return ['secondary', id, address, port, ...(hostKey === undefined ? [] : hostKey.split(' '))];
}

/** What every public key of a type begins with, in characters; the rest looks random. */
const keyStarts: Readonly<Record<string, number>> = { 'ssh-ed25519': 25, 'ssh-rsa': 19 };
const ecdsaStart = 44;

/**
 * How long a request is at most when it is compressed and in base64, in characters: the core compresses nothing. A line with a host differs
 * from the one before by its id, its address and its key; of other lines nothing is expected. A test compares this with zlib.
 */
export function encodedLength(text: string): number {
  const lengths = text.split('\n').map((line) => {
    const [field, , , , type = '', key = ''] = line.split('\t');
    if (field !== 'secondary') return (new TextEncoder().encode(line).length + 2) * (4 / 3);
    return 46 + Math.max(0, key.length - (keyStarts[type] ?? ecdsaStart));
  });
  return Math.ceil(lengths.reduce((sum, length) => sum + length, 200));
}

/** What the document of leave takes beside the request: the fence, which needs no Python on the host. Empty for a demotion that is only prepared. */
export function formatFence({ group, epoch, peer, prepare }: LeaveRequest): string {
  return prepare ? '' : `${group} ${epoch} ${peer}`;
}
