import { describe, expect, it } from 'vitest';
import {
  decideNotification,
  type IncidentUpdate,
  incidentUpdate,
  type NotificationLog,
} from '../../../../shared/core/incidents/notification-log.ts';
import type { DomainEvent } from '../../../../shared/core/model/domain-event.ts';
import { exampleEvents } from '../example-events.ts';

const now = Date.parse('2026-11-22T10:00:00.000Z');
const at = (minutes: number, event: string) => ({ event, now: now + minutes * 60_000, remindAfter: 21_600 });
const raised = (causes: Readonly<Record<string, string>>, reminds = false): IncidentUpdate => {
  return { incident: 'i', causes, resolved: [], reminds };
};
const resolved = (...hosts: readonly string[]): IncidentUpdate => {
  return { incident: 'i', causes: {}, resolved: hosts, reminds: false };
};

/** Which of these are notified, one a minute, each with an id of its own. */
function notified(...updates: readonly IncidentUpdate[]): readonly boolean[] {
  let log: NotificationLog = {};
  return updates.map((update, minute) => {
    const decision = decideNotification(log, update, at(minute, `e${minute}`));
    log = decision.log;
    return decision.notify;
  });
}

describe('what is notified', () => {
  it.each<[string, readonly IncidentUpdate[], readonly boolean[]]>([
    [
      'once, however often it is found',
      [raised({ a: 'x' }), raised({ a: 'x' }), raised({ a: 'x' })],
      [true, false, false],
    ],
    ['another cause', [raised({ a: 'x' }), raised({ a: 'y' }), raised({ a: 'x' })], [true, true, true]],
    [
      'another host',
      [raised({ a: 'x' }), raised({ a: 'x', b: 'x' }), raised({ b: 'x' })],
      [true, true, false],
    ],
    ['a reminder', [raised({ a: 'x' }), raised({ a: 'x' }, true)], [true, true]],
    [
      'an end, and what begins after it',
      [raised({ a: 'x' }), resolved('a'), raised({ a: 'x' })],
      [true, true, true],
    ],
    [
      'the end of another host changes nothing',
      [raised({ a: 'x' }), resolved('b'), raised({ a: 'x' })],
      [true, true, false],
    ],
    ['an end of what nobody remembers', [resolved('a')], [true]],
  ])('%s', (_name, updates, expected) => {
    expect(notified(...updates)).toEqual(expected);
  });

  it.each<[string, IncidentUpdate, NotificationLog, string]>([
    ['new', raised({ a: 'x' }), {}, 'new, or with another cause'],
    ['a reminder', raised({ a: 'x' }, true), {}, 'a reminder'],
    ['an end', resolved('a'), {}, 'resolved'],
    [
      'the same',
      raised({ a: 'x' }),
      { a: { cause: 'x', event: 'd', at: now } },
      'the same was notified already, and is not resolved',
    ],
  ])('says why: %s', (_name, update, log, reason) => {
    expect(decideNotification(log, update, at(0, 'e')).reason).toBe(reason);
  });

  it('the same event again, for its message may not have been sent', () => {
    const { log } = decideNotification({}, raised({ a: 'x' }), at(0, 'e'));
    expect(decideNotification(log, raised({ a: 'x' }), at(1, 'e')).notify).toBe(true);
  });

  it('what lasts for longer than the time between two reminders', () => {
    const { log } = decideNotification({}, raised({ a: 'x' }), at(0, 'e'));
    expect(decideNotification(log, raised({ a: 'x' }), at(359, 'f')).notify).toBe(false);
    expect(decideNotification(log, raised({ a: 'x' }), at(360, 'g')).notify).toBe(true);
  });
});

it('every event on an incident is of one: its end has the same name, and times and ids do not count', () => {
  const events = exampleEvents();
  const of = (type: DomainEvent['type']) => events.filter((each) => each.type === type).map(incidentUpdate);
  const [ended] = of('Group Recovered');
  expect(ended?.incident).toBe(of('Push Failed')[0]?.incident);
  expect(of('Sync Recovered')[0]?.incident).toBe(of('Sync Failed')[0]?.incident);
  for (const type of [
    'Files Synced',
    'Secondary Joined',
    'Secondary Left',
    'Primary Promoted',
    'Files Rescued',
    'Files Kept',
    'Extra Files Deleted',
  ] as const)
    expect(of(type)[0]).toBeUndefined();
  for (const event of events) {
    const other = {
      ...event,
      detail: { ...event.detail, id: 'other', since: '2026-11-23T00:00:00.000Z' },
    } as DomainEvent;
    expect(incidentUpdate(other)).toEqual(incidentUpdate(event));
  }
});
