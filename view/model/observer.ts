import type { GroupOverview, HostOverview, PromotionOverview } from '../../shared/core/operator/overview.ts';
import { changesBetween } from './changes.ts';
import { duration } from './format.ts';
import { liveHeld, liveHost, liveObserved, livePush, liveVerdict, nameOf } from './from-overview.ts';
import type {
  LiveEvent,
  LiveGroup,
  LivePush,
  OpenPromotion,
  PastPromotion,
  PromotionStep,
  Sample,
} from './live.ts';

/** The times of a promotion as they were seen here, in milliseconds since 1970. */
interface Watched {
  readonly from: string;
  readonly lostAt: number;
  claimedAt?: number;
  to?: string;
  takesWritesAt?: number;
  pushedAt?: number;
  epoch?: number;
}

export interface Observed {
  readonly groups: readonly LiveGroup[];
  readonly samples: readonly Sample[];
  readonly events: readonly LiveEvent[];
  readonly pushes: readonly LivePush[];
}

/** Makes what the page shows from one overview after the other: what changed, and how long promotions took. */
export class Observer {
  readonly #groups = new Map<string, GroupObserver>();

  observe(overviews: readonly GroupOverview[]): Observed {
    const observed = overviews.map((overview) => {
      const observer = this.#groups.get(overview.group) ?? new GroupObserver();
      this.#groups.set(overview.group, observer);
      return observer.observe(overview);
    });
    return {
      groups: observed.map(({ group }) => group),
      samples: observed.map(({ sample }) => sample),
      events: observed.flatMap(({ events }) => events),
      pushes: observed.flatMap(({ pushes }) => pushes),
    };
  }
}

class GroupObserver {
  #before: GroupOverview | undefined;
  #running: Watched | undefined;
  /** By epoch. */
  readonly #past = new Map<number, Watched>();

  observe(overview: GroupOverview) {
    const events = changesBetween(this.#before, overview);
    this.#watch(overview);
    this.#before = overview;
    const running = this.#running;
    const open = running === undefined ? undefined : openPromotion(overview, running);
    const group: LiveGroup = {
      name: overview.group,
      verdict: liveVerdict(overview, open !== undefined),
      epoch: overview.epoch,
      directories: overview.directories,
      hosts: overview.hosts.map(liveHost),
      held: liveHeld(overview),
      observed: liveObserved(overview),
      promotion: open,
      promotions: overview.promotions.map((promotion) => this.#pastPromotion(overview, promotion)),
    };
    const behind = Object.fromEntries(
      overview.hosts
        .filter(({ role }) => role === 'secondary')
        .map(({ id, secondsBehind }) => [id, secondsBehind]),
    );
    return {
      group,
      events,
      sample: { at: overview.at, group: overview.group, behind },
      pushes: overview.pushes
        .filter(({ status }) => status !== 'in progress')
        .map((push) => livePush(overview, push))
        .toReversed(),
    };
  }

  /** Follows a change of the primary from its loss to the first push of the next one. */
  #watch(overview: GroupOverview): void {
    const before = this.#before?.hosts.find(({ id }) => id === this.#before?.primary);
    const next = overview.hosts.find(({ state }) => state === 'being promoted');
    const now = overview.hosts.find(({ id }) => id === overview.primary);
    const isLost = now === undefined || !isPrimaryUp(now);
    if (
      this.#running === undefined &&
      before !== undefined &&
      isPrimaryUp(before) &&
      (isLost || now.id !== before.id)
    )
      this.#running = { from: before.id, lostAt: overview.at };
    const running = this.#running;
    if (running === undefined) return;
    if (next !== undefined && running.to !== next.id) {
      running.to = next.id;
      running.claimedAt ??= overview.at;
    }
    if (!isLost && now.id === running.from) this.#running = undefined; // it is there again, as after a reboot
    if (isLost || now.id === running.from) return;
    running.to = now.id;
    running.claimedAt ??= overview.at;
    running.takesWritesAt ??= overview.at;
    running.epoch ??= overview.epoch ?? 0;
    if (!overview.pushes.some(({ primary, status }) => primary === now.id && status === 'succeeded')) return;
    running.pushedAt = overview.at;
    this.#past.set(running.epoch, running);
    this.#running = undefined;
  }

  #pastPromotion(group: GroupOverview, { epoch, from, to, why, at }: PromotionOverview): PastPromotion {
    const notifications = {
      epoch,
      from: from === null ? '' : nameOf(group, from),
      to: nameOf(group, to),
      why,
      at,
    };
    const watched = this.#past.get(epoch);
    if (watched?.claimedAt === undefined || watched.takesWritesAt === undefined) return notifications;
    const { lostAt, claimedAt, takesWritesAt, pushedAt = takesWritesAt } = watched;
    const seconds = (from_: number, until: number) => Math.max(0, until - from_) / 1_000;
    return {
      ...notifications,
      seconds: seconds(lostAt, takesWritesAt),
      parts: [
        { name: 'decided', seconds: seconds(lostAt, claimedAt) },
        { name: 'took over', seconds: seconds(claimedAt, takesWritesAt) },
        { name: 'first push', seconds: seconds(takesWritesAt, pushedAt) },
      ],
    };
  }
}

/** An agent that does not answer for a moment is no loss: hostsync itself asks the neighbours before it believes one. */
function isPrimaryUp({ state }: HostOverview): boolean {
  return state === 'takes writes' || state === 'paused' || state === 'agent offline';
}

function openPromotion(group: GroupOverview, watched: Watched): OpenPromotion | undefined {
  const { from, to, lostAt, claimedAt, takesWritesAt } = watched;
  const name = to === undefined ? '…' : nameOf(group, to);
  const after = (at: number) => `+${duration((at - lostAt) / 1_000)}`;
  const step = (title: string, at: number | undefined, before: boolean, detail: string): PromotionStep => ({
    title,
    state: at !== undefined ? 'done' : before ? 'now' : 'todo',
    detail: at === undefined ? detail : after(at),
  });
  return {
    from: nameOf(group, from),
    to: name,
    steps: [
      { title: 'Primary lost', state: 'done', detail: nameOf(group, from) },
      step('Successor chosen', claimedAt, true, 'the one with the newest files'),
      step(`${name} takes writes`, takesWritesAt, claimedAt !== undefined, 'files and address'),
      step('First push', undefined, takesWritesAt !== undefined, 'to all secondaries'),
    ],
  };
}
