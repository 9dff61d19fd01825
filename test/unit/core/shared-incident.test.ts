import { expect, it } from 'vitest';
import { sharedIncident } from '../../../shared/core/succession/shared-incident.ts';
import { instance, secondaryTags } from './fixtures.ts';

const since = '2026-11-22T09:00:00.000Z';
const behind = (number: number, code: string, at = since) =>
  instance(number, { ...secondaryTags, 'hostsync:state': 'behind', 'hostsync:incident': `${code}/${at}/1` });
const inSync = (number: number) => instance(number, secondaryTags);

it.each([
  [
    'a file that the primary cannot read',
    [behind(2, 'permission-denied'), behind(3, 'permission-denied')],
    true,
  ],
  ['the same, notifications in two ways', [behind(2, 'permission-denied'), behind(3, 'partial')], true],
  [
    'the same, found at different times',
    [behind(2, 'partial'), behind(3, 'partial', '2026-11-22T09:01:00.000Z')],
    true,
  ],
  ['all that one secondary lacks are single files', [behind(2, 'partial')], true],
  ['a primary whose network or disk hangs', [behind(2, 'timeout'), behind(3, 'timeout')], false],
])('what all lack alike says nothing against one: %s', (_name, members, restArrived) => {
  const [first] = members;
  if (first === undefined) throw new Error('fixture');
  expect(sharedIncident(first, members)).toEqual({ since: Date.parse(since), restArrived });
});

it.each([
  ['another has it all', [behind(2, 'permission-denied'), inSync(3)]],
  ['others fail otherwise', [behind(2, 'disk-full'), behind(3, 'unreachable')]],
  ['another lacks single files, and this one everything', [behind(2, 'timeout'), behind(3, 'partial')]],
  ['there is no other, and it may be its own fault', [behind(2, 'unreachable')]],
  [
    'nothing is noted of it',
    [instance(2, { ...secondaryTags, 'hostsync:state': 'behind' }), behind(3, 'partial')],
  ],
  ['it is in sync', [inSync(2), inSync(3)]],
])('a secondary that is behind for itself is not excused: %s', (_name, members) => {
  const [first] = members;
  if (first === undefined) throw new Error('fixture');
  expect(sharedIncident(first, members)).toBeUndefined();
});

it('hosts that are stopped, joining or quarantined do not count', () => {
  const first = behind(2, 'timeout');
  const others = [
    { ...inSync(3), state: 'stopped' },
    instance(4, { ...secondaryTags, 'hostsync:state': 'joining' }),
    instance(5, { ...secondaryTags, 'hostsync:state': 'quarantined' }),
  ];
  expect(sharedIncident(first, [first, ...others])).toBeUndefined();
  expect(sharedIncident(first, [first, ...others, behind(6, 'timeout')])).toBeDefined();
});

const held = (number: number, codes: string) =>
  instance(number, { ...secondaryTags, 'hostsync:group-incident': codes });

it.each([
  ['a directory is empty, unmounted or gone', `directory-not-pushed/${since}/1`],
  ['deletions are held', `deletions-held/${since}/0`],
  ['both, one after the other', `deletions-held/2026-11-22T09:05:00.000Z/1 directory-not-pushed/${since}/1`],
])('the times of all stand still, and that says nothing against one: %s', (_name, codes) => {
  const members = [held(2, codes), inSync(3)];
  for (const each of members)
    expect(sharedIncident(each, members)).toEqual({ since: Date.parse(since), restArrived: true });
});

it.each([
  ['it is over', `deletions-held/${since}/1/..a.`],
  ['pushes fail as a whole: what is new does not arrive', `push-failed/${since}/1`],
])('a time that stands still for another reason counts: %s', (_name, codes) => {
  expect(sharedIncident(inSync(3), [held(2, codes), inSync(3)])).toBeUndefined();
});
