import type { ObservedPush } from '../model/observation.ts';
import type { WatchLine } from '../model/script-line.ts';
import { watchLine } from '../model/watch-result.ts';

/** How a group is watched. JSON has no undefined: what is not known is null. */
export interface WatchView {
  /** A push watches now, as far as SSM shows. */
  readonly running: boolean;
  /** What showed the last one the changes, as `fanotify`. */
  readonly rung: string | null;
  /** Of the last one that has ended: seconds from a change to its arrival; null where nothing changed. */
  readonly lag: { readonly p50: number; readonly p99: number; readonly max: number } | null;
}

/** The watch of a primary by its last pushes, and whom the last one that has ended left with everything. */
export interface Watch {
  /** Null where none of the pushes watched. */
  readonly view: WatchView | null;
  readonly served: ReadonlySet<string>;
}

export function watchOf(pushes: readonly ObservedPush[], primary: string | undefined): Watch {
  const own = pushes
    .filter(({ instance, watches }) => instance === primary && watches === true)
    .sort((one, other) => other.requestedAt - one.requestedAt);
  const ended = own.find((push) => watchLine(push) !== undefined);
  const line = ended && watchLine(ended);
  const served = ended?.lines.flatMap((each) => (each.kind === 'secondary' && each.ok ? [each.id] : []));
  const view = {
    running: own.some(({ status }) => status === 'under-way'),
    rung: line?.rung ?? null,
    lag: line === undefined || line.arrivals === 0 ? null : lagOf(line),
  };
  return { view: own.length === 0 ? null : view, served: new Set(served) };
}

function lagOf({ p50, p99, max }: WatchLine): NonNullable<WatchView['lag']> {
  return { p50, p99, max };
}

/**
 * How far behind a host is: while a push watches and has not ended to tell otherwise, what comes arrives as it did in the minute before.
 *
 * @param known seconds since the last moment of which a result says that nothing was missing
 */
export function lagWhileWatched({ view, served }: Watch, host: string, known: number): number {
  if (view?.running !== true || !served.has(host)) return known;
  return Math.min(known, Math.ceil(view.lag?.max ?? 0));
}

/** As people read it. */
export function describeWatch({ running, rung, lag }: WatchView): string {
  const how = rung === null ? 'watched' : `watched (${rung})`;
  if (!running) return `${how}, not at this moment`;
  return lag === null ? how : `${how}, changes arrive in ${lag.p50} s (99 of 100 in ${lag.p99} s)`;
}
