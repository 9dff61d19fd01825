import { expect, it } from 'vitest';
import { isOwnChange } from '../../../shared/core/model/own-change.ts';

it.each<[string, readonly string[], Readonly<Record<string, string>>, boolean]>([
  ['a host becomes the primary', ['hostsync:primary', 'hostsync:promoted', 'hostsync:directories'], {}, true],
  [
    'a former primary is set apart',
    ['hostsync:primary', 'hostsync:state', 'hostsync:secondaries-2'],
    {},
    true,
  ],
  [
    'a spot interruption is noted',
    ['hostsync:switchover'],
    { 'hostsync:switchover': 'any spot interruption: x' },
    true,
  ],
  ['the state of a host', ['hostsync:state', 'hostsync:synced-at'], {}, true],
  ['a person names the primary', ['hostsync:primary', 'hostsync:directories'], {}, false],
  ['a person asks for a switchover', ['hostsync:switchover'], { 'hostsync:switchover': 'any' }, false],
  ['a person asks for one to a host', ['hostsync:switchover'], { 'hostsync:switchover': 'i-0abc' }, false],
  ['a person pauses a group, with any text', ['hostsync:paused'], { 'hostsync:paused': 'any reason' }, false],
  ['a host comes into a group with tags of its image', ['hostsync:group', 'hostsync:state'], {}, false],
  ['a person takes the role away', ['hostsync:primary'], {}, false],
  ['a person renames a host', ['Name'], {}, false],
])('%s', (_name, changed, tags, expected) => {
  expect(isOwnChange(changed, tags)).toBe(expected);
});
