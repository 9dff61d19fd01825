/** What one run of host/push.sh is asked to do. The text form is documented in docs/host-scripts.md. */
export interface PushRequest {
  readonly group: string;
  readonly epoch: number;
  readonly directories: readonly string[];
  readonly excludes: readonly string[];
  readonly secondaries: readonly PushTarget[];
}

export interface PushTarget {
  readonly id: string;
  readonly address: string;
  readonly port: number;
  /** Type and key, as in `ssh-ed25519 AAAA…`; undefined where the operator keeps it on the primary. */
  readonly hostKey: string | undefined;
}

/** The longest request in base64 that a document takes; host-documents.mjs keeps the room for it. */
export const maximumRequestLength = 24 * 1024;

/** What one run of host/join.sh is asked to do. */
export interface JoinRequest {
  readonly group: string;
  readonly epoch: number;
  readonly directories: readonly string[];
  /** Who is to own a directory that is not there yet; undefined: it must be there. */
  readonly owner: { readonly user: string; readonly group: string } | undefined;
  /** The primary's: type and key. */
  readonly publicKey: string;
}

/** What one run of host/promote.sh is asked to do. */
export interface PromoteRequest {
  readonly group: string;
  readonly epoch: number;
}

type Line = readonly (string | number)[];

/** A field a line, its parts separated by a tab. Nothing in it may hold a tab or a line break; parsing saw to that. */
function formatLines(lines: readonly Line[]): string {
  return lines.map((line) => `${line.join('\t')}\n`).join('');
}

function heading({ group, epoch }: PromoteRequest): readonly Line[] {
  return [
    ['group', group],
    ['epoch', epoch],
  ];
}

export function formatPromoteRequest(request: PromoteRequest): string {
  return formatLines(heading(request));
}

export function formatJoinRequest({ directories, owner, publicKey, ...request }: JoinRequest): string {
  const belongsTo = owner === undefined ? [] : [owner.user, owner.group];
  return formatLines([
    ...heading(request),
    ...directories.map((directory) => ['directory', directory, ...belongsTo]),
    ['public-key', ...publicKey.split(' ').slice(0, 2)],
  ]);
}

export function formatPushRequest(request: PushRequest): string {
  return formatLines([
    ...heading(request),
    ...request.directories.map((directory) => ['directory', directory]),
    ...request.excludes.map((pattern) => ['exclude', pattern]),
    ...request.secondaries.map(({ id, address, port, hostKey }) => [
      ...['secondary', id, address, port],
      ...(hostKey === undefined ? [] : hostKey.split(' ')),
    ]),
  ]);
}

/** How long a request is in base64, in characters. */
export function encodedLength(text: string): number {
  return Math.ceil(new TextEncoder().encode(text).length / 3) * 4;
}
