import { describe, expect, it } from 'vitest';
import { mergeSynced, placeOf, tagsOf, withNotes } from '../../../shared/core/model/notes.ts';
import { instance, instanceId, primaryTags } from './fixtures.ts';

const [first, second, third] = [instanceId(1), instanceId(2), instanceId(3)];

it.each([
  ['hostsync:state', 'tag'],
  ['hostsync:secondaries-2', 'tag'],
  ['Name', 'tag'],
  ['hostsync:task', 'host'],
  ['hostsync:incident', 'host'],
  ['hostsync:suspected', 'host'],
  ['hostsync:group-incident', 'group'],
  ['hostsync:promotion-incident', 'group'],
  ['hostsync:synced-at', 'head'],
  ['hostsync:outside', 'head'],
])('%s stands in its place: %s', (key, place) => {
  expect(placeOf(key)).toBe(place);
});

describe('the members of a group', () => {
  const members = [
    instance(1, primaryTags),
    instance(2, { 'hostsync:group': 'web', 'hostsync:state': 'in-sync' }),
  ];
  const notes = {
    group: { 'hostsync:group-incident': 'push-failed/…' },
    hosts: new Map([[second, { 'hostsync:task': 'join …' }]]),
  };
  const at = Date.parse('2026-11-22T10:00:00.000Z');

  it('show what is remembered of each beside its tags', () => {
    const head = { synced: { [second]: at }, outside: 'web9/unreachable/…' };
    const [one, other] = withNotes(members, head, notes);
    expect(one?.tags).toEqual({
      ...primaryTags,
      'hostsync:group-incident': 'push-failed/…',
      'hostsync:outside': 'web9/unreachable/…',
    });
    expect(other?.tags).toEqual({
      'hostsync:group': 'web',
      'hostsync:state': 'in-sync',
      'hostsync:task': 'join …',
      'hostsync:group-incident': 'push-failed/…',
      'hostsync:synced-at': '2026-11-22T10:00:00.000Z',
    });
  });

  it('show nothing but their tags where nothing is remembered', () => {
    expect(withNotes(members, undefined)).toEqual(members);
  });

  it('are not believed what an image has copied: a tag of the name of a note counts for nothing', () => {
    const copied = { 'hostsync:task': 'join …', 'hostsync:synced-at': '2026-11-22T10:00:00.000Z' };
    const [found] = withNotes([instance(2, { 'hostsync:group': 'web', ...copied })], undefined);
    expect(found?.tags).toEqual({ 'hostsync:group': 'web' });
    expect(tagsOf(instance(2, { Name: 'x', ...copied }))).toEqual({ Name: 'x' });
  });
});

describe('when hosts were in sync', () => {
  const day = 24 * 3600 * 1000;
  const now = 10 * day;
  const merge = (before: Readonly<Record<string, number>>, news: [string, number | undefined][]) =>
    mergeSynced(before, new Map(news), new Set([first, second]), now);

  it.each<[string, Readonly<Record<string, number>>, [string, number | undefined][], object]>([
    ['is noted of each', {}, [[first, 5]], { [first]: 5 }],
    ['goes forward', { [first]: 5 }, [[first, 6]], { [first]: 6 }],
    ['never goes back, for results come late', { [first]: 6 }, [[first, 5]], { [first]: 6 }],
    [
      'stays what it was for the others',
      { [first]: 5, [second]: 6 },
      [[first, 7]],
      { [first]: 7, [second]: 6 },
    ],
    ['goes with a host that leaves', { [first]: 5, [second]: 6 }, [[second, undefined]], { [first]: 5 }],
    ['is forgotten a day after its host was gone', { [first]: 5, [third]: now - day }, [], { [first]: 5 }],
    [
      'is kept while EC2 may just not show the host',
      { [third]: now - day + 1 },
      [],
      { [third]: now - day + 1 },
    ],
  ])('%s', (_name, before, news, after) => {
    expect(merge(before, news)).toEqual(after);
  });
});
