import type { ObservedPush } from '../model/observation.ts';
import type { SecondaryLine } from '../model/script-line.ts';
import { watchLine } from '../model/watch-result.ts';
import type { PushOverview } from './overview.ts';

/** The pushes, the newest first. */
export function overviewPushes(pushes: readonly ObservedPush[]): readonly PushOverview[] {
  return pushes.toSorted((one, other) => other.requestedAt - one.requestedAt).map(overviewPush);
}

/** What came of one push, as far as it has come. */
function overviewPush(push: ObservedPush): PushOverview {
  const { command, instance, requestedAt, status, lines } = push;
  const served = lines.filter((line): line is SecondaryLine => line.kind === 'secondary');
  const sum = (of: (line: SecondaryLine) => number) => served.reduce((total, line) => total + of(line), 0);
  const end = lines.find((line) => line.kind === 'push');
  // For how long it stayed says nothing: of a watch that is the time in which something was sent
  const busiest = Math.max(0, ...served.map((line) => line.seconds));
  const seconds = watchLine(push) === undefined ? end?.seconds : busiest;
  return {
    command,
    primary: instance,
    requestedAt,
    status: status === 'under-way' ? 'in progress' : status,
    seconds: seconds ?? null,
    files: sum((line) => line.files),
    deleted: sum((line) => line.deleted),
    bytes: sum((line) => line.bytes),
    missed: served.flatMap(({ id, ok, error = 'failed', message = '' }) =>
      ok ? [] : [{ id, error, message }],
    ),
  };
}
