import type { KeptLine, ScriptLine } from '../model/script-line.ts';
import type { ActionBlocker } from './action-blockers.ts';

/** What one secondary keeps of one directory and push. */
export interface KeptRun extends KeptLine {
  readonly host: string;
}

/** What was said, the newest first. */
export function keptRuns(said: ReadonlyMap<string, readonly ScriptLine[]>): readonly KeptRun[] {
  return [...said]
    .flatMap(([host, lines]) =>
      lines.flatMap((line): readonly KeptRun[] => (line.kind === 'kept' ? [{ ...line, host }] : [])),
    )
    .sort((a, b) => (a.time === b.time ? 0 : a.time < b.time ? 1 : -1));
}

/** How many earlier runs of a host are not listed. */
export function earlierRuns(lines: readonly ScriptLine[]): number {
  return lines.reduce((sum, line) => sum + (line.kind === 'kept-earlier' ? line.runs : 0), 0);
}

/** The directory of a group that a path is, or is in. */
export function directoryOf(directories: readonly string[], path: string): string | undefined {
  return directories.find((each) => path === each || path.startsWith(`${each}/`));
}

/** The runs of that time, or why there are none. */
export function chooseRuns(
  runs: readonly KeptRun[],
  time: string,
  group: string,
): ActionBlocker | readonly KeptRun[] {
  const chosen = runs.filter((run) => run.time === time);
  if (chosen.length > 0) return chosen;
  return {
    reason: `No secondary of ${group} that answered keeps anything of ${time}`,
    advice: `Nothing was done. What is kept: hostsync restore ${group} --kept`,
  };
}
