import { describe, expect, it } from 'vitest';
import type { ObservedPush } from '../../../../shared/core/model/observation.ts';
import type { ScriptLine, WatchLine } from '../../../../shared/core/model/script-line.ts';
import { describeWatch } from '../../../../shared/core/operator/watch-view.ts';
import { instanceId } from '../fixtures.ts';
import { line, members, now, push, view } from './fixtures.ts';

const said = (changes: Partial<WatchLine> = {}): WatchLine => ({
  kind: 'watch',
  rung: 'fanotify',
  ended: 'successor',
  cycles: 3,
  walks: 0,
  arrivals: 8,
  p50: 0.2,
  p99: 0.7,
  max: 1.4,
  ...changes,
});
const ended = (lines: ObservedPush['lines'] = [line(2), line(3), said()]) =>
  push(lines, { watches: true, requestedAt: now - 80_000 });
const running = push([], { watches: true, status: 'under-way', requestedAt: now - 20_000 });
const behind = (pushes: readonly ObservedPush[]) =>
  view(members(), { pushes }).hosts.map(({ secondsBehind }) => secondsBehind);

describe('how far behind the hosts of a watched group are', () => {
  it.each<[string, readonly ObservedPush[], (number | null)[]]>([
    ['as long as changes took in the minute before', [ended(), running], [null, 2, 2]],
    [
      'not at all where nothing changed',
      [ended([line(2), line(3), said({ arrivals: 0, max: 0 })]), running],
      [null, 0, 0],
    ],
    [
      'as ever for one that had not everything',
      [ended([line(2, false), line(3), said()]), running],
      [null, 20, 2],
    ],
    ['as ever where no push watches now', [ended()], [null, 20, 20]],
    ['as ever before the first result', [running], [null, 20, 20]],
    ['never more than is known', [ended([line(2), line(3), said({ max: 55 })]), running], [null, 20, 20]],
  ])('is %s', (_name, pushes, expected) => {
    expect(behind(pushes)).toEqual(expected);
  });
});

describe('what a push that watches, or came twice, says of itself', () => {
  const summary = { kind: 'push', ok: true, started: 0, seconds: 60, secondaries: 2, busy: 0 } as const;
  const seen = (pushes: readonly ObservedPush[]) => view(members(), { pushes });

  it('it took as long as it sent, not as long as it stayed', () => {
    const [shown] = seen([ended([{ ...line(2), seconds: 1.5 }, line(3), said(), summary])]).pushes;
    expect(shown?.seconds).toBe(1.5);
  });

  it('one that left everything to the watch hides no deletions that are held', () => {
    const held: ScriptLine = {
      kind: 'deletions-held',
      id: '0123456789abcdef',
      count: 9,
      total: 9,
      reason: 'many',
      examples: [],
    };
    const twice = push([{ ...summary, busy: 2 }], { watches: true });
    const pushes = [ended([held, line(2), said(), summary]), twice];
    expect(seen(pushes).held?.id).toBe(held.id);
  });
});

describe('the watch itself', () => {
  it('is shown with what sees the changes, and how long they took', () => {
    const { watch } = view(members(), { pushes: [ended(), running] });
    expect(watch).toEqual({ running: true, rung: 'fanotify', lag: { p50: 0.2, p99: 0.7, max: 1.4 } });
    expect(watch && describeWatch(watch)).toBe(
      'watched (fanotify), changes arrive in 0.2 s (99 of 100 in 0.7 s)',
    );
  });

  it('that ended and goes on nowhere is said to be so', () => {
    const { watch } = view(members(), { pushes: [ended([said({ arrivals: 0, rung: 'times' })])] });
    expect(watch && describeWatch(watch)).toBe('watched (times), not at this moment');
  });

  it('is none where pushes end by themselves, or another host pushed', () => {
    expect(view(members(), { pushes: [push([line(2)])] }).watch).toBe(null);
    expect(view(members(), { pushes: [{ ...ended(), instance: instanceId(3) }] }).watch).toBe(null);
  });
});
