import { runOnHost } from './hosts.ts';
import type { Figure } from './report.ts';
import { directoryOf, primaryOf, type Scene, secondaryOf } from './scene.ts';

const files = 5;
/** Seconds between two files: they come at different times of the minute. */
const between = 7;
/** Seconds that one file may take. */
const patience = 200;

/** What the primary does: one file after the other, and the time of each. */
export function writerLines(directory: string, mark: string): readonly string[] {
  return [
    `cd '${directory}' || exit 1`,
    `for n in $(seq ${files}); do sleep ${between}; echo "$n" > "${mark}-$n"; chown --reference=. "${mark}-$n"; date +%s.%N; done`,
  ];
}

/** What the secondary does: the time at which each of these files is there. */
export function readerLines(directory: string, mark: string): readonly string[] {
  return [
    `cd '${directory}' || exit 1`,
    `for n in $(seq ${files}); do i=0; until [ -e "${mark}-$n" ]; do i=$((i + 1)); [ "$i" -lt ${patience * 20} ] || exit 1; sleep 0.05; done; date +%s.%N; done`,
  ];
}

/** @returns seconds for each file. Clocks of EC2 hosts differ by less than a millisecond; a file is never early @throws {Error} for lines that are no times */
export function lagsFrom(written: string, read: string): readonly number[] {
  const times = (text: string) => text.trim().split('\n').map(Number);
  const [from, to] = [times(written), times(read)];
  if (from.length !== to.length || [...from, ...to].some(Number.isNaN))
    throw new Error(`of ${from.length} files ${to.length} arrived, or their times cannot be read`);
  return to.map((at, index) => Math.max(0, at - (from[index] ?? at)));
}

/** How long a new file takes from the primary to a secondary. */
export async function measureLag(scene: Scene): Promise<readonly Figure[]> {
  const { clients, signal } = scene;
  const [primary, secondary] = await Promise.all([primaryOf(scene), secondaryOf(scene)]);
  const directory = directoryOf(scene);
  const mark = `verify-live-${Date.now()}`;
  const shell = { ssm: clients.ssm, signal, seconds: files * patience };
  const [written, read] = await Promise.all([
    runOnHost(primary.id, writerLines(directory, mark), shell),
    runOnHost(secondary.id, readerLines(directory, mark), shell),
  ]);
  const lags = [...lagsFrom(written, read)].sort((one, other) => one - other);
  return [
    { name: 'shortest', value: lags[0] ?? Number.NaN, unit: 's' },
    { name: 'median', value: lags[Math.floor(lags.length / 2)] ?? Number.NaN, unit: 's' },
    { name: 'longest', value: lags.at(-1) ?? Number.NaN, unit: 's' },
  ];
}
