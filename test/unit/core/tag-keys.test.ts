import { expect, it } from 'vitest';
import { tagKeys as defaultKeys, makeTagKeys } from '../../../shared/core/model/tag-keys.ts';

it('of the default prefix are those of docs/tags.md', () => {
  expect(defaultKeys).toEqual(makeTagKeys('hostsync'));
  expect(defaultKeys.acceptDeletions).toBe('hostsync:accept-deletions');
});

it('of the longest prefix fit, and can be shown in instance metadata', () => {
  for (const key of Object.values(makeTagKeys('a'.repeat(32)))) {
    expect(key.length).toBeLessThanOrEqual(128 - '-49'.length);
    expect(key).toMatch(/^[a-z:-]+$/u);
  }
});
