import { domainEvent, timestamp } from '../model/domain-event.ts';
import type { ObservedInstance, ObservedPush } from '../model/observation.ts';
import type { SecondaryLine } from '../model/script-line.ts';
import type { OutcomeLog } from './outcome-log.ts';

/** Counts the files that one push sent and deleted, and makes the event on them, as lines say that nobody has counted yet. */
export function tellFiles(
  group: string,
  lines: readonly SecondaryLine[],
  primary: ObservedInstance,
  { requestedAt, command }: ObservedPush,
  log: OutcomeLog,
): void {
  if (lines.length === 0) return;
  const sum = (of: (line: SecondaryLine) => number) => lines.reduce((total, line) => total + of(line), 0);
  const [files, deleted, bytes] = [sum((l) => l.files), sum((l) => l.deleted), sum((l) => l.bytes)];
  const drift = sum((line) => line.drift ?? 0);
  const values = {
    FilesSent: files,
    BytesSent: bytes,
    FilesDeleted: deleted,
    ...(drift > 0 && { DriftRepaired: drift }),
  };
  log.measure(values, `push ${command}`);
  const changed = lines.filter((line) => line.files + line.deleted > 0);
  if (changed.length === 0) return;
  const ids = changed.map(({ id }) => id).sort();
  const event = domainEvent('Files Synced', group, [primary.id, requestedAt, ...ids], {
    primary: primary.id,
    requestedAt: timestamp(requestedAt),
    files,
    deleted,
    bytes,
    seconds: Math.max(...changed.map(({ seconds }) => seconds)),
    secondaries: changed.map(({ id, ...line }) => ({
      secondary: id,
      files: line.files,
      deleted: line.deleted,
      bytes: line.bytes,
      seconds: line.seconds,
    })),
  });
  log.tell(event, `${files} files sent and ${deleted} deleted on ${ids.length} secondaries`);
}

/** What secondaries alone had is gone: it may have been somebody's upload. */
export function tellExtras(
  group: string,
  { id: primary }: ObservedInstance,
  { lines, requestedAt }: ObservedPush,
  log: OutcomeLog,
): void {
  const directories = lines
    .filter((line) => line.kind === 'extras-deleted')
    .map((line) => ({
      directory: line.directory,
      count: line.count,
      secondaries: line.secondaries,
      instances: line.ids,
      examples: line.examples,
    }));
  if (directories.length === 0) return;
  const event = domainEvent('Extra Files Deleted', group, [primary, requestedAt], {
    primary,
    requestedAt: timestamp(requestedAt),
    directories,
  });
  log.tell(event, `only secondaries had files in ${directories.map((each) => each.directory).join(', ')}`);
}
