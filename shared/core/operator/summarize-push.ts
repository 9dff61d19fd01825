import type { ObservedPush } from '../model/observation.ts';
import type { ScriptLine, SecondaryLine } from '../model/script-line.ts';
import { pushFailure } from '../results/group-evidence.ts';
import { exitCodeOf, type Level, worst } from './overview.ts';

/** What became of one push, for whoever asked for it. */
export interface PushSummary {
  readonly level: Level;
  readonly exitCode: number;
  readonly command: string;
  readonly primary: string;
  /** Of the whole push; null where it did not finish. */
  readonly seconds: number | null;
  readonly files: number;
  readonly deleted: number;
  readonly bytes: number;
  /** Those that have everything. */
  readonly ok: readonly string[];
  readonly failed: readonly { readonly id: string; readonly error: string; readonly message: string }[];
  readonly directories: readonly { readonly directory: string; readonly message: string }[];
  readonly held: {
    readonly id: string;
    readonly count: number;
    readonly total: number;
    readonly reason: string;
  } | null;
  /** Why it did not finish, or null. */
  readonly failure: string | null;
}

type LineOf<Kind extends ScriptLine['kind']> = Extract<ScriptLine, { kind: Kind }>;

/** @param asked the secondaries of the request */
export function summarizePush(push: ObservedPush, asked: readonly string[]): PushSummary {
  const of = <Kind extends ScriptLine['kind']>(kind: Kind) =>
    push.lines.filter((line): line is LineOf<Kind> => line.kind === kind);
  const secondaries = of('secondary');
  const failure = pushFailure(push, push.requestedAt, { group: '', primary: push.instance });
  const failed = asked.flatMap((id) =>
    failureOf(
      id,
      secondaries.find((line) => line.id === id),
    ),
  );
  const directories = of('directory').map(({ directory, message }) => ({ directory, message }));
  const held = of('deletions-held')[0];
  const level = worst([
    failure.raised || held !== undefined || directories.length > 0 ? 'attention' : 'in-sync',
    failed.length > 0 ? 'behind' : 'in-sync',
  ]);
  const sum = (what: 'files' | 'deleted' | 'bytes') => secondaries.reduce((all, line) => all + line[what], 0);
  return {
    level,
    exitCode: exitCodeOf(level),
    command: push.command,
    primary: push.instance,
    seconds: of('push')[0]?.seconds ?? null,
    files: sum('files'),
    deleted: sum('deleted'),
    bytes: sum('bytes'),
    failed,
    directories,
    ok: secondaries.flatMap(({ id, ok }) => (ok ? [id] : [])),
    held: held === undefined ? null : pick(held),
    failure: failure.raised ? failure.reason : null,
  };
}

function pick({ id, count, total, reason }: LineOf<'deletions-held'>): NonNullable<PushSummary['held']> {
  return { id, count, total, reason };
}

/** Of one that the push says nothing about, nothing is known: that is not fine. */
function failureOf(id: string, line: SecondaryLine | undefined): PushSummary['failed'] {
  if (line === undefined) return [{ id, error: 'unknown', message: 'the push says nothing of it' }];
  if (line.ok) return [];
  return [{ id, error: line.error ?? 'unknown', message: line.message ?? 'the push gives no reason' }];
}

/** What a person reads, the whole first. */
export function describePush(
  summary: PushSummary,
  group: string,
): readonly { readonly level: Level; readonly text: string }[] {
  const { level, seconds, files, deleted, bytes, ok, failed, directories, held, failure } = summary;
  const all = ok.length + failed.length;
  const time = seconds === null ? '' : ` in ${seconds.toFixed(1)} s`;
  const what = `${files} files (${bytes} bytes) sent, ${deleted} deleted`;
  return [
    { level, text: `${ok.length} of ${all} secondaries have everything${time}: ${what}` },
    ...(failure === null ? [] : [{ level: 'attention', text: failure } as const]),
    ...(held === null
      ? []
      : ([
          {
            level: 'attention',
            text: `${held.count} of ${held.total} deletions are held: ${held.reason}. Accept them: hostsync accept-deletions ${group} ${held.id}`,
          },
        ] as const)),
    ...directories.map(({ directory, message }) => ({
      level: 'attention' as const,
      text: `${directory} is not pushed: ${message}`,
    })),
    ...failed.map(({ id, error, message }) => ({
      level: 'behind' as const,
      text: `${id} did not receive everything: ${error}: ${message}`,
    })),
  ];
}
