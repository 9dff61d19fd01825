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
export const maximumRequestLength = 32 * 1024;

/** The request as text: a field a line, its parts separated by a tab. Nothing in it may hold a tab or a line break; parsing saw to that. */
export function formatPushRequest(request: PushRequest): string {
  const lines: (readonly (string | number)[])[] = [
    ['group', request.group],
    ['epoch', request.epoch],
    ...request.directories.map((directory) => ['directory', directory]),
    ...request.excludes.map((pattern) => ['exclude', pattern]),
    ...request.secondaries.map(({ id, address, port, hostKey }) => [
      ...['secondary', id, address, port],
      ...(hostKey === undefined ? [] : hostKey.split(' ')),
    ]),
  ];
  return lines.map((line) => `${line.join('\t')}\n`).join('');
}

/** How long a request is in base64, in characters. */
export function encodedLength(text: string): number {
  return Math.ceil(new TextEncoder().encode(text).length / 3) * 4;
}
