import { describe, expect, it } from 'vitest';
import { withTagPrefix } from '../../../scripts/tag-prefix.mjs';

describe('the prefix of a stage', () => {
  it.each<[string, unknown, unknown]>([
    ['a tag', 'hostsync:group', 'acme:group'],
    ['a pattern of tags', 'hostsync:secondaries-*', 'acme:secondaries-*'],
    [
      'a tag in a condition key',
      { 'aws:ResourceTag/hostsync:group': 'x' },
      { 'aws:ResourceTag/acme:group': 'x' },
    ],
    ['one of SSM', { 'ssm:resourceTag/hostsync:group': 'x' }, { 'ssm:resourceTag/acme:group': 'x' }],
    [
      'tags in the values of a condition',
      { Null: { 'aws:TagKeys': 'false' }, StringLike: { 'aws:TagKeys': ['hostsync:state', 'hostsync:*'] } },
      { Null: { 'aws:TagKeys': 'false' }, StringLike: { 'aws:TagKeys': ['acme:state', 'acme:*'] } },
    ],
    [
      'tags in a pattern of events',
      { detail: { 'changed-tag-keys': ['hostsync:group'], state: [{ 'anything-but': ['x'] }] } },
      { detail: { 'changed-tag-keys': ['acme:group'], state: [{ 'anything-but': ['x'] }] } },
    ],
  ])('stands in %s', (_where, written, wanted) => {
    expect(withTagPrefix(written, 'acme')).toEqual(wanted);
    expect(withTagPrefix(withTagPrefix(written, 'acme'), 'acme')).toEqual(wanted);
    expect(withTagPrefix(written, 'hostsync')).toEqual(written);
  });

  it.each<unknown>(['hostsync', 'hostsync-prod', 'group#*', 'not hostsync:group', 7, true, null, undefined])(
    'leaves %j alone',
    (value) => {
      expect(withTagPrefix(value, 'acme')).toEqual(value);
    },
  );
});
