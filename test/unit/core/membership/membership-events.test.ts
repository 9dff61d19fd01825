import { expect, it } from 'vitest';
import {
  failureEvents,
  failureKey,
  overEvents,
} from '../../../../shared/core/membership/membership-events.ts';
import { instanceId } from '../fixtures.ts';

const since = Date.parse('2026-11-22T10:00:00.000Z');
const [one, two] = [instanceId(1), instanceId(2)];
const incident = { code: 'x', since, notifications: 2, notifiedAt: since + 60_000 };
const failure: Parameters<typeof failureEvents>[0] = {
  kind: 'report-failure',
  group: 'web',
  instance: two,
  incident,
  notice: 'reminder',
  message: 'no rsync',
  rescuedBy: undefined,
  reason: 'x',
};
const detail = {
  version: 1,
  group: 'web',
  since: '2026-11-22T10:00:00.000Z',
  reminder: 1,
  message: 'no rsync',
};
const id = expect.stringMatching(/^[0-9a-f]{16}$/u);
const idOf = (action: Parameters<typeof failureEvents>[0]) => failureEvents(action)[0]?.detail.id;

it('the event on what a host cannot do names that host: a newcomer, a secondary, a former primary', () => {
  expect(failureEvents(failure)).toEqual([
    { type: 'Join Failed', detail: { ...detail, id, secondary: two, final: false } },
  ]);
  expect(failureEvents({ ...failure, rejoins: true })).toEqual([
    { type: 'Join Failed', detail: { ...detail, id, secondary: two, final: false, member: true } },
  ]);
  expect(failureEvents({ ...failure, rescuedBy: one })).toEqual([
    { type: 'Rescue Failed', detail: { ...detail, id, primary: one, from: two } },
  ]);
  expect(failureEvents({ ...failure, notice: undefined })).toEqual([]);
});

it('two hosts, and two messages on one, are told apart', () => {
  const others = [
    { ...failure, instance: one },
    { ...failure, incident: { ...incident, notifications: 3 } },
  ];
  expect(new Set([failure, ...others].map(idOf)).size).toBe(3);
});

it('that a secondary cannot join again is noted beside what is wrong with pushes to it', () => {
  expect([failureKey(failure), failureKey({ ...failure, rejoins: true })]).toEqual([
    'hostsync:incident',
    'hostsync:join-incident',
  ]);
});

it('what was raised is resolved, with how long it lasted', () => {
  const action = {
    kind: 'admit',
    group: 'web',
    instance: two,
    syncedAt: since,
    epoch: 1,
    reason: 'x',
  } as const;
  expect(overEvents('Join Failed', { ...action, over: undefined }, since)).toEqual([]);
  const over = (at: number) =>
    overEvents('Join Failed', { ...action, over: { ...incident, since: at } }, since + 90_000);
  expect(over(since)).toEqual([
    {
      type: 'Group Recovered',
      detail: {
        version: 1,
        id,
        group: 'web',
        from: 'Join Failed',
        instance: two,
        since: detail.since,
        seconds: 90,
      },
    },
  ]);
  expect(over(since)[0]?.detail.id).not.toBe(over(since + 1)[0]?.detail.id);
});
