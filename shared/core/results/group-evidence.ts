import type { Evidence } from '../incidents/incident.ts';
import {
  type DomainEvent,
  domainEvent,
  type EventDetails,
  type GroupEventType,
} from '../model/domain-event.ts';
import type { IncidentDetail } from '../model/incident-detail.ts';
import type { ObservedPush } from '../model/observation.ts';
import type { ScriptLine, SecondaryLine } from '../model/script-line.ts';

/** One piece of evidence on the whole group, and the event on it. */
export interface GroupEvidence extends Evidence {
  /** The event on it. `key` tells this message from the others on the incident. */
  readonly event: (detail: IncidentDetail, key: readonly (string | number)[]) => DomainEvent;
  readonly reason: string;
}

/** The event on an incident, by the code in the tag. */
export const groupEvents: Readonly<Record<string, GroupEventType>> = {
  'push-failed': 'Push Failed',
  'push-overrun': 'Push Overrun',
  'directory-not-pushed': 'Directory Not Pushed',
  'files-too-large': 'Files Too Large',
  'deletions-held': 'Deletions Held',
  'hook-failed': 'Hook Failed',
  'deletions-not-kept': 'Deletions Not Kept',
  'no-primary': 'No Primary',
  'several-primaries': 'Several Primaries',
  'primary-unavailable': 'Primary Unavailable',
  'configuration-invalid': 'Configuration Invalid',
};

/** What the evidence is about. */
export interface PushOf {
  readonly group: string;
  readonly primary: string;
}

// --- in the output of a push

/** Exit codes of a push that finished; its output may be too long to be kept. Source: docs/host-package.md. */
const regularEnds: ReadonlySet<number> = new Set([0, 10, 11]);

/** A push that did not finish. */
export function pushFailure(push: ObservedPush, at: number, { group, primary }: PushOf): GroupEvidence {
  const ended =
    push.lines.some(({ kind }) => kind === 'push') ||
    (push.exitCode !== undefined && regularEnds.has(push.exitCode));
  const said = push.lines.find((line) => line.kind === 'error');
  const error = said?.error ?? push.detail;
  const message = said?.message ?? describeEnd(push);
  return {
    code: 'push-failed',
    raised: !ended && push.status === 'failed',
    at,
    cause: error,
    reason: ended ? 'the push finished' : `the push failed: ${error}: ${message}`,
    event: (detail, key) =>
      domainEvent('Push Failed', group, [primary, ...key], {
        ...detail,
        primary,
        error,
        message,
      }),
  };
}

/**
 * What SSM's word for the end of a command means here. Source: SSM User Guide, "Understanding command statuses". The agent takes a script that
 * was killed for one whose time was up where the host's sh is dash, and for a failed one without an exit code where it is bash. What ran
 * when the host went down has failed with 1 after the restart.
 */
function describeEnd({ detail, instance, command, lines, exitCode }: ObservedPush): string {
  const many = lines.filter(({ kind }) => kind === 'secondary').length;
  const reported = many === 0 ? '' : `; ${many} secondaries were served before`;
  const byKernel = `by the kernel when memory ran out (journalctl -k on ${instance} tells)`;
  switch (detail) {
    case 'DeliveryTimedOut':
    case 'Undeliverable':
      return `the command ${command} did not reach ${instance}, or the host died during it${reported}`;
    case 'ExecutionTimedOut':
    case 'TimedOut':
      return `the push was killed: after an hour by the SSM agent, or before ${byKernel}${reported}`;
    case 'Failed':
      return exitCode === undefined
        ? `the push was killed, as ${byKernel}${reported}`
        : `the push ended with exit code ${exitCode} and without a result; the host may have restarted during it${reported}`;
    case 'Cancelled':
      return `somebody cancelled the command ${command}${reported}`;
    default:
      return `the command ${command} ended as ${detail} without a result${reported}`;
  }
}

export function unpushedDirectories(
  lines: readonly ScriptLine[],
  at: number,
  { group, primary }: PushOf,
): GroupEvidence {
  const directories = lines.flatMap((line) =>
    line.kind === 'directory'
      ? [{ directory: line.directory, error: line.error, message: line.message }]
      : [],
  );
  return {
    code: 'directory-not-pushed',
    raised: directories.length > 0,
    at,
    cause: directories.map(({ directory, error }) => `${directory} ${error}`).join('\n'),
    reason: directories.map(({ directory, message }) => `${directory} ${message}`).join('; '),
    event: (detail, key) =>
      domainEvent('Directory Not Pushed', group, [primary, ...key], {
        ...detail,
        primary,
        directories,
      }),
  };
}

/** What the operator's option leaves out: said once, and again when there are others. */
function largeFiles(lines: readonly ScriptLine[], at: number, { group, primary }: PushOf): GroupEvidence {
  const directories = lines.flatMap((line) =>
    line.kind === 'too-large'
      ? [{ directory: line.directory, count: line.count, examples: line.examples }]
      : [],
  );
  return {
    code: 'files-too-large',
    raised: directories.length > 0,
    at,
    cause: directories.map(({ directory, count }) => `${directory} ${count}`).join('\n'),
    reason: directories.map(({ directory, count }) => `${directory}: ${count} above max-size`).join('; '),
    event: (detail, key) =>
      domainEvent('Files Too Large', group, [primary, ...key], {
        ...detail,
        primary,
        directories,
      }),
  };
}

function heldDeletions(lines: readonly ScriptLine[], at: number, { group, primary }: PushOf): GroupEvidence {
  const held = lines.find((line) => line.kind === 'deletions-held');
  return {
    code: 'deletions-held',
    raised: held !== undefined,
    at,
    cause: held?.id,
    reason: `${held?.count} of ${held?.total} entries would be deleted: ${held?.reason}`,
    event: (detail, key) =>
      domainEvent('Deletions Held', group, [primary, ...key], {
        ...detail,
        primary,
        deletions: held?.id ?? '',
        count: held?.count ?? 0,
        total: held?.total ?? 0,
        message: held?.reason ?? '',
        examples: held?.examples ?? [],
      }),
  };
}

/** What a secondary does with files that arrived, which may fail though the push is well. */
interface AfterArrival {
  readonly code: string;
  /** It did this, or had to. */
  readonly concerns: (line: SecondaryLine) => boolean;
  /** Why it failed; undefined if it did not. */
  readonly failure: (line: SecondaryLine) => string | undefined;
  readonly reason: string;
  readonly event: (
    group: string,
    key: readonly (string | number)[],
    detail: EventDetails['Deletions Not Kept'],
  ) => DomainEvent;
}

const afterArrival: Readonly<Record<'hook' | 'notKept', AfterArrival>> = {
  hook: {
    code: 'hook-failed',
    concerns: ({ hook }) => hook !== undefined,
    failure: ({ hook, hookMessage }) => (hook === 'failed' ? (hookMessage ?? '') : undefined),
    reason: 'the hook after-sync failed',
    event: (group, key, detail) => domainEvent('Hook Failed', group, key, { ...detail, hook: 'after-sync' }),
  },
  notKept: {
    code: 'deletions-not-kept',
    concerns: ({ files, deleted, notKept }) => files + deleted > 0 || notKept !== undefined,
    failure: ({ notKept }) => notKept,
    reason: 'not everything that was deleted or replaced is kept',
    event: (group, key, detail) => domainEvent('Deletions Not Kept', group, key, detail),
  },
};

/** Where the hook failed, or what was deleted was not kept; undefined where there was nothing to do, which says nothing. */
function failedAfterArrival(
  field: keyof typeof afterArrival,
  lines: readonly ScriptLine[],
  at: number,
  { group, primary }: PushOf,
): GroupEvidence | undefined {
  const { code, concerns, failure, reason, event } = afterArrival[field];
  const concerned = lines.filter((line) => line.kind === 'secondary').filter(concerns);
  if (concerned.length === 0) return undefined;
  const failed = concerned.flatMap((line) => {
    const message = failure(line);
    return message === undefined ? [] : [{ secondary: line.id, message }];
  });
  return {
    code,
    raised: failed.length > 0,
    at,
    reason: `${reason} on ${failed.length} of ${concerned.length} secondaries`,
    event: (detail, key) =>
      event(group, [primary, ...key], {
        ...detail,
        primary,
        count: failed.length,
        secondaries: failed.slice(0, 10),
      }),
  };
}

/** What the output of a complete push says of the group. */
export function evidenceIn(lines: readonly ScriptLine[], at: number, of: PushOf): readonly GroupEvidence[] {
  return [
    unpushedDirectories(lines, at, of),
    largeFiles(lines, at, of),
    heldDeletions(lines, at, of),
    failedAfterArrival('hook', lines, at, of),
    failedAfterArrival('notKept', lines, at, of),
  ].filter((evidence) => evidence !== undefined);
}
