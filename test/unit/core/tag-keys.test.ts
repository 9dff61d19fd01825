import { afterEach, expect, it, vi } from 'vitest';
import { tagKeys as defaultKeys, makeTagKeys } from '../../../shared/core/model/tag-keys.ts';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.resetModules();
});

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

it('of a stage are in all that it reads, writes, and says', async () => {
  vi.stubEnv('HOSTSYNC_TAG_PREFIX', 'acme');
  vi.resetModules();
  const { tagKeys, stateTagKeys, primaryTagKeys } = await import('../../../shared/core/model/tag-keys.ts');
  const { formatOwnShards, shardNumber } = await import('../../../shared/core/model/secondaries.ts');
  const { hookNames } = await import('../../../shared/core/model/lifecycle.ts');
  const { eventSource } = await import('../../../shared/core/model/domain-event.ts');
  const { composeAlert } = await import('../../../shared/core/incidents/compose-alert.ts');
  const { exampleEvents } = await import('./example-events.ts');

  for (const key of [...Object.values(tagKeys), ...stateTagKeys, ...primaryTagKeys])
    expect(key).toMatch(/^acme:/u);
  expect(Object.keys(formatOwnShards(['i-1']))).toEqual(['acme:secondaries-2']);
  expect([shardNumber('acme:secondaries-2'), shardNumber('hostsync:secondaries-2')]).toEqual([2, undefined]);
  expect([hookNames, eventSource]).toEqual([{ launch: 'acme-launch', terminate: 'acme-terminate' }, 'acme']);
  for (const event of exampleEvents()) expect(composeAlert(event, 0)?.body ?? '').not.toContain('hostsync:');
});
