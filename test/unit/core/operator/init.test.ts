import { expect, test } from 'vitest';
import { type NewGroup, planInit } from '../../../../shared/core/operator/init.ts';
import { agent, instance, instanceId } from '../fixtures.ts';

const wanted: NewGroup = {
  ...{ group: 'web', directories: '/srv/uploads /srv/themes' },
  primary: instance(1, { Name: 'web-1' }),
  others: [instance(2, {}), instance(3, {})],
  ...{ agents: [agent(1), agent(2), agent(3)], claims: [], taken: [] },
};

test('a new group is the tags of the primary, and then the name of the group on the others', () => {
  const change = planInit(wanted);
  expect(change).toMatchObject({
    ...{ kind: 'change', instance: instanceId(1), remove: [] },
    set: {
      'hostsync:group': 'web',
      'hostsync:primary': '1',
      'hostsync:directories': '/srv/uploads /srv/themes',
    },
    also: [2, 3].map((n) => ({ instance: instanceId(n), set: { 'hostsync:group': 'web' }, remove: [] })),
  });
  if (change.kind === 'change')
    expect(change.impact.join()).toContain('is deleted there at their first sync');
});

test('a name that was used before goes on with the next epoch', () => {
  const claim = { epoch: 7, holder: instanceId(9), kind: 'first' as const, why: '', at: 0 };
  expect(planInit({ ...wanted, claims: [claim] })).toMatchObject({ set: { 'hostsync:primary': '8' } });
});

test('all that speaks against it is said at once', () => {
  const change = planInit({
    ...{ ...wanted, group: 'my web', directories: '/etc', taken: [instanceId(8)] },
    others: [
      instance(2, { 'hostsync:group': 'shop' }),
      instance(3, {}, 'stopped'),
      instance(4, {}),
      instance(1, {}),
    ],
  });
  expect(change.kind).toBe('refused');
  if (change.kind !== 'refused') return;
  const said = change.instead.join('\n');
  for (const part of [
    ...['name for a group', '/etc', `${instanceId(1)} is named twice`, 'there is a group my web already'],
    ...[
      `${instanceId(2)} belongs to the group shop`,
      `${instanceId(3)} is stopped`,
      `SSM does not reach ${instanceId(4)}`,
    ],
  ])
    expect(said).toContain(part);
});
