import { join } from 'node:path';
import { expect, it } from 'vitest';
import { composeRecovery } from '../../../../shared/core/incidents/alarm-recovery.ts';
import { remedies, remediesOfAll } from '../../../../shared/core/incidents/remedies.ts';
import { instanceId } from '../fixtures.ts';

// What people are asked to type: npm run unit -- remedies -u writes it anew, for you to review.

const primary = instanceId(1);
const own = Array.from({ length: 12 }, (_, index) => instanceId(index + 2));
const external = Array.from({ length: 12 }, (_, index) => `web${index + 1}.example.com`);
const [second = ''] = own;

const groups: readonly (readonly [string, readonly string[]])[] = [
  ['one instance', [second]],
  ['ten instances', own.slice(0, 10)],
  ['twelve instances', own],
  ['a node of SSM', ['mi-00000000000000001']],
  ['a host outside EC2', ['web1.example.com']],
  ['one whose name has i- in it', ['webi-1.example.com']],
  ['twelve hosts outside EC2', external],
  ['both', ['web1.example.com', second]],
];
const errors = [
  ...['unreachable', 'timeout', 'host-key-changed', 'host-key-unknown', 'key-refused', 'not-prepared'],
  ...['disk-full', 'permission-denied', 'partial', 'overdue'],
];

it('of each error, for each kind of hosts', async () => {
  const texts = errors.flatMap((error) =>
    groups.map(([name, hosts]) => `${error}, ${name}\n${remedies(hosts, error, primary).join('\n')}\n`),
  );
  const file = join(import.meta.dirname, 'remedies.txt');
  await expect(texts.join('\n')).toMatchFileSnapshot(file);
});

it('of several errors say which is for which', () => {
  const failed = (secondary: string, error: string) => ({ secondary, error, message: '' });
  const full = failed(second, 'disk-full');
  expect(remediesOfAll([full], primary)).toEqual(remedies([second], 'disk-full', primary));
  expect(remediesOfAll([full, failed('web1', 'host-key-unknown')], primary)).toEqual([
    `disk-full: ${remedies([second], 'disk-full', primary)[0]}`,
    `host-key-unknown: ${remedies(['web1'], 'host-key-unknown', primary)[0]}`,
  ]);
});

it('the end of an alarm says how long it was, and that nobody has to do anything', () => {
  const beganAt = Date.parse('2026-11-22T10:00:00.000Z');
  const over = { id: '1', alarm: 'hostsync-errors', reason: 'Threshold\nnot crossed' };
  expect(composeRecovery({ ...over, beganAt, endedAt: beganAt + 90_000 })).toEqual({
    subject: 'hostsync: resolved: alarm hostsync-errors',
    body: `The alarm hostsync-errors was resolved after 90 s (it began at 2026-11-22T10:00:00.000Z).

CloudWatch says: Threshold not crossed

There is nothing to do.

Runbook: docs/runbooks/alarms.md
`,
  });
});
