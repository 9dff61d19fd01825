import { expect, it, vi } from 'vitest';

it('the tags of a stage are in all that it reads, writes, and says', async () => {
  vi.stubEnv('HOSTSYNC_TAG_PREFIX', 'acme');
  vi.resetModules();
  const { tagKeys, stateTagKeys, primaryTagKeys } = await import('../../shared/core/model/tag-keys.ts');
  const { formatOwnShards, shardNumber } = await import('../../shared/core/model/secondaries.ts');
  const { hookNames } = await import('../../shared/core/model/lifecycle.ts');
  const { eventSource } = await import('../../shared/core/model/domain-event.ts');
  const { composeAlert } = await import('../../shared/core/incidents/compose-alert.ts');
  const { exampleEvents } = await import('./core/example-events.ts');

  for (const key of [...Object.values(tagKeys), ...stateTagKeys, ...primaryTagKeys])
    expect(key).toMatch(/^acme:/u);
  expect(Object.keys(formatOwnShards(['i-1']))).toEqual(['acme:secondaries-2']);
  expect([shardNumber('acme:secondaries-2'), shardNumber('hostsync:secondaries-2')]).toEqual([2, undefined]);
  expect([hookNames, eventSource]).toEqual([{ launch: 'acme-launch', terminate: 'acme-terminate' }, 'acme']);
  for (const event of exampleEvents()) expect(composeAlert(event, 0)?.body ?? '').not.toContain('hostsync:');
});
