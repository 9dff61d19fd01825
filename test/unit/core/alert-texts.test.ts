import { join } from 'node:path';
import { expect, it } from 'vitest';
import { composeAlert } from '../../../shared/core/incidents/compose-alert.ts';
import { incidentUpdate } from '../../../shared/core/incidents/notification-log.ts';
import { type DomainEvent, domainEvent } from '../../../shared/core/model/domain-event.ts';
import { exampleEvents, since } from './example-events.ts';
import { instanceId } from './fixtures.ts';

// What people read at night, a file for each kind of event: npm run unit -- alert-texts -u writes them anew, for you to review.

const now = Date.parse(since) + 90_000;
const primary = instanceId(1);
const promoted = {
  primary: instanceId(2),
  from: primary,
  epoch: 2,
  why: 'why',
  claimedAt: since,
  secondsAtRisk: 0,
  seconds: 7,
};
const detail = { since, reminder: 0 };
const blocked = {
  ...detail,
  primary,
  why: 'why',
  message: 'no secondary answers',
  epoch: 2,
  directories: '/srv',
};
/** The second and later hosts of a group, which are not promoted. */
const candidates = (state: string, ...blockers: readonly string[]) =>
  blockers.map((blocker, index) => ({ instance: instanceId(index + 2), blocker, state }));

/** Forms of the same event that have other words. */
const others: readonly DomainEvent[] = [
  domainEvent('Primary Promoted', 'web', [], { ...promoted, kind: 'switchover' }),
  domainEvent('Primary Promoted', 'web', [], { ...promoted, kind: 'failover' }),
  domainEvent('Primary Promoted', 'web', [], { ...promoted, kind: 'failover', secondsAtRisk: 0.8 }),
  domainEvent('Primary Promoted', 'web', [], { ...promoted, kind: 'failover', secondsAtRisk: null }),
  domainEvent('Primary Promoted', 'web', [], { ...promoted, kind: 'adopted', from: '' }),
  domainEvent('Join Failed', 'web', [], {
    ...detail,
    secondary: instanceId(2),
    message: 'message',
    final: true,
  }),
  domainEvent('Join Failed', 'web', [], {
    ...detail,
    secondary: instanceId(2),
    message: 'message',
    final: false,
    member: true,
  }),
  domainEvent('Join Failed', 'web', [], {
    ...detail,
    secondary: instanceId(2),
    message: 'message',
    final: false,
    unrescued: true,
  }),
  domainEvent('Directory Not Pushed', 'web', [], {
    ...detail,
    primary,
    directories: [{ directory: '/srv/a', error: 'empty', message: 'is empty' }],
  }),
  domainEvent('Promotion Blocked', 'web', [], {
    ...detail,
    primary,
    why: 'why',
    message: 'the group is paused',
    epoch: 2,
    directories: '/srv/uploads',
    candidates: [],
  }),
  domainEvent('Promotion Blocked', 'web', [], {
    ...detail,
    primary,
    why: 'why',
    message: 'no secondary answers',
    epoch: 2,
    directories: '/srv/uploads /srv/themes',
    candidates: [
      { instance: instanceId(2), blocker: '', state: 'running' },
      { instance: instanceId(3), blocker: 'it is stopped', state: 'stopped' },
    ],
  }),
  // What is stopped takes no role, and the first that runs will do if none is fit
  domainEvent('Promotion Blocked', 'web', [], {
    ...blocked,
    candidates: [
      ...[{ instance: instanceId(9), blocker: '', state: 'stopped' }],
      ...candidates('running', 'it is behind', ''),
    ],
  }),
  domainEvent('Promotion Blocked', 'web', [], {
    ...blocked,
    candidates: candidates('running', 'it is behind', 'it is joining'),
  }),
  domainEvent('Promotion Blocked', 'web', [], {
    ...blocked,
    candidates: [
      ...[{ instance: instanceId(20), blocker: 'it is leaving', state: 'shutting-down' }],
      ...candidates('stopped', ...Array.from({ length: 12 }, () => 'it is stopped')),
    ],
  }),
  domainEvent('Promotion Blocked', 'web', [], {
    ...blocked,
    candidates: candidates('pending', 'it starts'),
  }),
  domainEvent('Primary Promoted', 'web', [], { ...promoted, kind: 'adopted' }),
  domainEvent('Sync Failed', 'web', [], {
    ...detail,
    flaps: 1,
    primary,
    secondaries: [
      { secondary: instanceId(2), error: 'disk-full', message: 'full' },
      { secondary: instanceId(3), error: 'unreachable', message: 'no answer' },
      { secondary: 'web9.example.com', error: 'unreachable', message: 'no answer' },
    ],
  }),
  domainEvent('Push Failed', 'web', [], {
    ...detail,
    changed: true,
    reminder: 2,
    flaps: 3,
    primary,
    error: 'not-ready',
    message: 'no rsync',
  }),
  domainEvent('Directory Not Pushed', 'web', [], {
    ...detail,
    primary,
    directories: ['/srv/a', '/srv/b'].map((directory) => ({ directory, error: 'missing', message: 'gone' })),
  }),
  domainEvent('Files Rescued', 'web', [], {
    primary,
    from: instanceId(2),
    files: 2,
    conflicts: 0,
    examples: ['/srv/uploads/a', "/srv/uploads/it's"],
    list: "/var/lib/hostsync/rescued/it's.list",
  }),
  domainEvent('Files Rescued', 'web', [], {
    primary,
    from: instanceId(2),
    files: 1,
    conflicts: 1,
    examples: ['/srv/uploads/a'],
    list: '/x.list',
    keptIn: '/var/lib/hostsync/rescued/20261122T185325Z-i-00000000000000002',
    tooLong: 1,
    tooLongExamples: ['/srv/uploads/long…'],
  }),
  domainEvent('Files Rescued', 'web', [], {
    primary,
    from: instanceId(2),
    files: 0,
    conflicts: 0,
    examples: [],
    list: '',
    tooLong: 2,
    tooLongExamples: ['/srv/uploads/long…'],
  }),
  domainEvent('Files Kept', 'web', [], { primary, from: instanceId(2), files: 0, keptIn: '', tooLong: 3 }),
  domainEvent('Extra Files Deleted', 'web', [], {
    primary,
    requestedAt: since,
    directories: [
      {
        directory: '/srv/uploads',
        count: 40,
        secondaries: 12,
        instances: [instanceId(2), instanceId(3)],
        examples: [],
      },
    ],
  }),
  domainEvent('Group Recovered', 'web', [], {
    from: 'Join Failed',
    instance: instanceId(2),
    since,
    seconds: 4000,
  }),
];

const types = [...new Set(exampleEvents().map(({ type }) => type))];
const eventsOf = (type: DomainEvent['type']) =>
  [...exampleEvents(), ...exampleEvents(undefined, 1, [instanceId(2), instanceId(3)]), ...others].filter(
    (event) => event.type === type,
  );

it.each(types)('%s', async (type) => {
  const texts = eventsOf(type).map((event) => {
    const alert = composeAlert(event, now);
    return alert === undefined ? 'no message\n' : `Subject: ${alert.subject}\n\n${alert.body.trimEnd()}\n`;
  });
  const file = `${type.toLowerCase().replaceAll(' ', '-')}.txt`;
  await expect(texts.join('\n====\n\n')).toMatchFileSnapshot(join(import.meta.dirname, 'alert-texts', file));
});

it('what each event says of an incident, so that the same is notified once', async () => {
  const lines = types.flatMap((type) =>
    eventsOf(type).map(
      (event) => `${type}: ${JSON.stringify(incidentUpdate(event))?.replaceAll(',"', ', "') ?? 'none'}`,
    ),
  );
  const file = join(import.meta.dirname, 'alert-texts', 'incident-updates.txt');
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(file);
});
