import { expect, it } from 'vitest';
import { instanceId } from './fixtures.ts';
import { Run, SimulatedFailover, settle, tickOf } from './simulated-failover.ts';
import { runs } from './thoroughness.ts';

// Time here is that of a model, not of this machine: what AWS and the hosts take is drawn from ranges, the decisions are the real ones.

const first = instanceId(1);
const minute = 60_000;
const wanted = runs(200);

/** Numbers from 0 to 1, the same for the same seed. Source: mulberry32, by Tommy Ettinger, in the public domain. */
function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Seconds from the failure, or from EC2's noticing it, until another host is the primary in all respects. */
function secondsUntilPromoted(
  seed: number,
  fail: (group: SimulatedFailover) => void,
  byEvent: boolean,
): number {
  const random = makeRandom(seed);
  const between = (least: number, most: number) => least + random() * (most - least);
  /** Event, queue, a function that may have to be started, and its calls. */
  const wake = () => between(700, 3500);
  const group = new SimulatedFailover(3 + (seed % 4), { failoverTicks: 1 });
  settle(group);
  // Two tries of five seconds, the second 15 s after the begin of the first
  group.delay = (step) => Math.floor(between(800, 3000)) + (step === 'probe' ? 20_000 : 0);
  group.now += Math.floor(between(0, minute));
  fail(group);
  const began = group.now;
  const looks = byEvent ? [began + wake()] : [];
  let nextTick = Math.ceil(began / minute) * minute;
  const known = new Set(group.commands.filter(({ ended }) => ended !== undefined));
  let probed = 0;
  while (group.now < began + 10 * minute) {
    group.advance(0.25);
    const ended = group.commands.filter((each) => each.ended !== undefined && !known.has(each));
    for (const each of ended) known.add(each);
    const seen = group.probes.filter(({ due }) => due <= group.now).length;
    for (let each = 0; each < ended.length + seen - probed; each += 1) looks.push(group.now + wake());
    probed = seen;
    if (group.now >= nextTick) {
      const minuteOf = tickOf(group);
      nextTick += minute;
      looks.push(group.now + wake());
      new Run(group, 'promotion', minuteOf).finish();
    }
    const due = looks.filter((at) => at <= group.now);
    if (due.length === 0) continue;
    for (const at of due) looks.splice(looks.indexOf(at), 1);
    new Run(group, 'promotion').finish();
    const now = group.primary();
    if (now !== undefined && now.id !== first) return (group.now - began) / 1000;
  }
  return Number.POSITIVE_INFINITY;
}

function percentiles(fail: (group: SimulatedFailover) => void, byEvent: boolean) {
  const seconds = Array.from({ length: wanted }, (_, seed) => secondsUntilPromoted(seed, fail, byEvent)).sort(
    (a, b) => a - b,
  );
  const at = (share: number) => seconds[Math.ceil(wanted * share) - 1] ?? Number.POSITIVE_INFINITY;
  return { p50: at(0.5), p99: at(0.99) };
}

it('a primary that is stopped is replaced within 15 s, by its event alone', () => {
  const { p50, p99 } = percentiles((group) => group.stop(first), true);
  expect(p50).toBeLessThanOrEqual(12);
  expect(p99).toBeLessThanOrEqual(15);
});

it('a primary whose power is cut is replaced within 90 s after EC2 has noticed it', () => {
  const { p50, p99 } = percentiles((group) => group.hang(first), false);
  expect(p50).toBeLessThanOrEqual(60);
  expect(p99).toBeLessThanOrEqual(90);
});
