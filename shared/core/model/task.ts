/** What hostsync has asked a host to do and has not yet seen done. Kept in the tag `hostsync:task`, so that any run can go on with it. */
export interface Task {
  readonly step: TaskStep;
  /** 1 for the first try of a first sync, one more for each further pass; 1 for the other steps. */
  readonly pass: number;
  /** What the step was asked to establish: see `joinDigest`; `-` where it does not matter. */
  readonly digest: string;
  /** The SSM command's id. */
  readonly command: string;
  /** Milliseconds since 1970. */
  readonly requestedAt: number;
}

const steps = [
  ...(['promote', 'join', 'first-sync', 'gather', 'leave', 'rescue', 'relist'] as const),
  ...(['prepare', 'final-push', 'undo-demotion'] as const),
] as const;
export type TaskStep = (typeof steps)[number];

const taskForm =
  /^(?<step>[a-z-]+) (?<pass>[1-9]\d{0,3}) (?<digest>[0-9a-f]{16}|-) (?<command>[0-9a-fA-F-]{36}) (?<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z)$/u;

export function formatTask({ step, pass, digest, command, requestedAt }: Task): string {
  return `${step} ${pass} ${digest} ${command} ${new Date(requestedAt).toISOString()}`;
}

/** The task of a tag value; undefined for anything else: what cannot be read is asked for again, which does no harm. */
export function parseTask(value: string | undefined): Task | undefined {
  const groups = taskForm.exec(value ?? '')?.groups;
  const step = steps.find((each) => each === groups?.['step']);
  const requestedAt = Date.parse(groups?.['time'] ?? '');
  if (groups === undefined || step === undefined || Number.isNaN(requestedAt)) return undefined;
  const { pass, digest = '-', command = '' } = groups;
  return { step, pass: Number(pass), digest, command, requestedAt };
}

/**
 * A short fingerprint of a text (64-bit FNV-1a, 16 hexadecimal digits). It tells versions of a request apart; it keeps
 * nobody from making two alike. Source: RFC 9923.
 */
export function digest(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text))
    hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & (2n ** 64n - 1n);
  return hash.toString(16).padStart(16, '0');
}
