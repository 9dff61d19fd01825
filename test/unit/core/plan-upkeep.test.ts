import { expect, it } from 'vitest';
import type { MembershipObservation, ObservedLifecycle } from '../../../shared/core/model/observation.ts';
import type { ObservedRecord } from '../../../shared/core/succession/plan-name.ts';
import {
  type ObservedPointers,
  planUpkeep,
  pointerNames,
} from '../../../shared/core/succession/plan-upkeep.ts';
import type { ObservedElasticAddress } from '../../../shared/core/succession/primary-address.ts';
import { healthyGroup, instance, instanceId } from './fixtures.ts';

const arn = 'arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/editors/0123456789abcdef';
const plainRecord = (values: readonly string[]): ObservedRecord => {
  return { type: 'A', values, ttl: 60, alias: undefined, setIdentifier: undefined };
};
const [first, second, third] = [instanceId(1), instanceId(2), instanceId(3)];
const pointing = { 'hostsync:dns': ' Editors.Example.com. ', 'hostsync:target-group': arn };

function plan(
  pointers: {
    readonly record?: readonly string[];
    readonly targets?: readonly string[];
    readonly elastic?: ObservedElasticAddress;
  },
  changes: Readonly<Record<string, string | undefined>> = pointing,
  seen: (observed: MembershipObservation) => MembershipObservation = (observed) => observed,
) {
  const observed = seen({ ...healthyGroup(changes), lifecycles: new Map(), commands: [] });
  const found: ObservedPointers = {
    records: new Map(
      pointers.record && [['web', pointers.record.length === 0 ? [] : [plainRecord(pointers.record)]]],
    ),
    elastic: new Map(pointers.elastic && [['web', pointers.elastic]]),
    targets: new Map(pointers.targets && [['web', pointers.targets]]),
  };
  return planUpkeep(observed, found).map(({ reason: _reason, ...action }) => action);
}

const moveTo = (address: string) => {
  const changes = [{ action: 'UPSERT', type: 'A', address }];
  return { kind: 'move-name', group: 'web', name: 'editors.example.com', changes };
};
const move = moveTo('10.0.0.1');
const refused = { kind: 'refuse', group: 'web' };
const target = (add: readonly string[], remove: readonly string[]) => {
  return { kind: 'move-target', group: 'web', targetGroup: arn, add, remove };
};

it.each([
  ['all is as it should be', { record: ['10.0.0.1'], targets: [first] }, []],
  ['the name is not there yet', { record: [] }, [move]],
  ['the name points at the primary before', { record: ['10.0.0.2'] }, [move]],
  ['the name has the primary and another', { record: ['10.0.0.1', '10.0.0.2'] }, [refused]],
  ['no zone is configured, so nothing was read', {}, []],
  ['the target group is empty', { targets: [] }, [target([first], [])]],
  ['the old one is in it', { targets: [second] }, [target([first], [second])]],
  ['both are in it', { targets: [first, second, third] }, [target([], [second, third])]],
])('editors reach the primary and nothing else: %s', (_name, pointers, expected) => {
  expect(plan(pointers)).toEqual(expected);
});

it.each([
  ['paused', { ...pointing, 'hostsync:paused': 'upgrade' }],
  ['not yet made a primary by us', { ...pointing, 'hostsync:promoted': undefined }],
  ['copied wholesale, with the mark of another host', { ...pointing, 'hostsync:promoted': `1 ${second}` }],
  ['of an epoch that nobody gave it', { ...pointing, 'hostsync:primary': '2' }],
  ['without name and target group', {}],
])('nothing is moved for a primary that is %s', (_name, changes) => {
  expect(plan({ record: ['10.9.9.9'], targets: [second] }, changes)).toEqual([]);
});

it('nothing is moved to a primary that is stopped: it would only be out of reach in another way', () => {
  const stopped = (observed: MembershipObservation) => ({
    ...observed,
    instances: observed.instances.map((each) => (each.id === first ? { ...each, state: 'stopped' } : each)),
  });
  expect(plan({ record: ['10.0.0.2'], targets: [] }, pointing, stopped)).toEqual([]);
});

const allocation = 'eipalloc-0123456789abcdef0';
const elastic = (changes: Partial<ObservedElasticAddress> = {}): ObservedElasticAddress => ({
  allocation,
  publicIp: '198.51.100.7',
  group: 'web',
  instance: first,
  networkInterface: 'eni-1',
  ...changes,
});
const moveElastic = { kind: 'move-address', group: 'web', allocation, instance: first };

it.each<[string, Parameters<typeof plan>[0], readonly object[]]>([
  ['it is there, and the name too', { elastic: elastic(), record: ['198.51.100.7'] }, []],
  ['it is on the primary before', { elastic: elastic({ instance: second }) }, [moveElastic]],
  [
    'it is on nothing',
    { elastic: elastic({ instance: undefined, networkInterface: undefined }) },
    [moveElastic],
  ],
  [
    'neither it nor the name is there',
    { elastic: elastic({ instance: second }), record: ['10.0.0.2'] },
    [moveElastic, moveTo('198.51.100.7')],
  ],
  ['it is that of a NAT gateway', { elastic: elastic({ instance: undefined }) }, [refused]],
  ['it is that of another group', { elastic: elastic({ instance: second, group: 'blog' }) }, [refused]],
  [
    'it is that of another group, and the name does not lead there',
    { elastic: elastic({ instance: second, group: 'blog' }), record: ['10.0.0.1'] },
    [refused],
  ],
  ['it carries no group', { elastic: elastic({ instance: second, group: undefined }) }, [refused]],
  ['it could not be read, so the name stays as well', { record: ['10.0.0.2'] }, []],
])('an Elastic IP goes to the primary: %s', (_name, pointers, expected) => {
  expect(plan(pointers, { ...pointing, 'hostsync:address': ` ${allocation} ` })).toEqual(expected);
});

it('an Elastic IP is read where the tag names one', () => {
  const { instances } = healthyGroup({ 'hostsync:address': allocation });
  expect(pointerNames(instances)).toMatchObject([{ name: undefined, elasticAddress: allocation }]);
});

it.each([
  ['public', '203.0.113.9', [moveTo('203.0.113.9')]],
  ['public', undefined, [refused]],
  [' private ', undefined, [move]],
  ['elastic-ip', undefined, [refused]],
  ['eipalloc-1', undefined, [refused]],
])(
  'the name has the address that was chosen: %s, with the public address %s',
  (choice, publicAddress, expected) => {
    const open = (observed: MembershipObservation) => ({
      ...observed,
      instances: observed.instances.map((each) => (each.id === first ? { ...each, publicAddress } : each)),
    });
    expect(plan({ record: ['10.0.0.2'] }, { ...pointing, 'hostsync:address': choice }, open)).toEqual(
      expected,
    );
  },
);

it('the name and target group are read for each group that has a primary, and for no other', () => {
  const { instances } = healthyGroup(pointing);
  expect(pointerNames([...instances, instance(9, { 'hostsync:group': 'blog' })])).toEqual([
    { group: 'web', name: 'editors.example.com', targetGroup: arn, elasticAddress: undefined },
  ]);
});

it('Auto Scaling may not scale the primary in, and may scale a former one in', () => {
  const lifecycle = (id: string, changes: Partial<ObservedLifecycle>): [string, ObservedLifecycle] => [
    id,
    { id, autoScalingGroup: 'asg', state: 'InService', protectedFromScaleIn: false, ...changes },
  ];
  const scaled =
    (...lifecycles: readonly [string, ObservedLifecycle][]) =>
    (observed: MembershipObservation) => ({
      ...observed,
      instances: [
        ...observed.instances,
        instance(4, { 'hostsync:group': 'web', 'hostsync:state': 'quarantined' }),
      ],
      lifecycles: new Map(lifecycles),
    });
  const protect = (id: string, on: boolean) => ({
    kind: 'protect',
    group: 'web',
    instance: id,
    autoScalingGroup: 'asg',
    on,
  });
  const fourth = instanceId(4);
  expect(
    plan({}, {}, scaled(lifecycle(first, {}), lifecycle(fourth, { protectedFromScaleIn: true }))),
  ).toEqual([protect(first, true), protect(fourth, false)]);
  // Done already; a secondary that a user protects is left alone; one that goes or waits cannot be protected
  expect(
    plan(
      {},
      {},
      scaled(
        lifecycle(first, { protectedFromScaleIn: true }),
        lifecycle(second, { protectedFromScaleIn: true }),
        lifecycle(fourth, {}),
      ),
    ),
  ).toEqual([]);
  for (const state of ['Terminating:Wait', 'Pending:Wait', 'Warmed:Stopped', 'Standby'])
    expect(plan({}, {}, scaled(lifecycle(first, { state })))).toEqual([]);
});
