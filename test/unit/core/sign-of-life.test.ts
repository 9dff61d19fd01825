import { expect, it } from 'vitest';
import type {
  ObservedAgent,
  ObservedInstance,
  ObservedStatus,
} from '../../../shared/core/model/observation.ts';
import { lastSignOfLife } from '../../../shared/core/succession/sign-of-life.ts';
import { agent, instance, instanceId, primaryTags, secondaryTags } from './fixtures.ts';

const now = Date.parse('2026-11-22T10:00:00.000Z');
const ago = (seconds: number) => now - seconds * 1000;
const synced = (seconds: number) => ({ 'hostsync:synced-at': new Date(ago(seconds)).toISOString() });
const primary = instance(1, { ...primaryTags, ...synced(1000) });
const secondary = instance(2, { ...secondaryTags, ...synced(1010) });
const offline = agent(1, false);
const impaired = { id: instanceId(1), ok: false, detail: 'instance impaired' };

interface Seen {
  readonly instances?: readonly ObservedInstance[];
  readonly agents?: readonly ObservedAgent[];
  readonly statuses?: readonly ObservedStatus[];
}

/** Seconds before now. */
it.each<[string, Seen, number]>([
  ['EC2 finds nothing wrong with it', { statuses: [{ ...impaired, ok: true }] }, 0],
  ['its last push is all that is known', {}, 1000],
  ['it pinged later', { agents: [{ ...offline, pingedAt: ago(900) }] }, 900],
  ['it pinged before, while its agent hung', { agents: [{ ...offline, pingedAt: ago(2000) }] }, 1000],
  ['EC2 saw it fail later', { statuses: [{ ...impaired, impairedSince: ago(700) }] }, 700],
  [
    'it ran on without its agent until it was stopped',
    { instances: [{ ...primary, state: 'stopped', stoppedAt: ago(10) }, secondary] },
    10,
  ],
  ['it is gone, with its tags: what a secondary got it did send', { instances: [secondary] }, 1010],
  [
    'another group lives on',
    { instances: [primary, instance(9, { 'hostsync:group': 'blog', ...synced(1) })] },
    1000,
  ],
  ['nothing at all is known', { instances: [instance(1, primaryTags)] }, 0],
  ['clocks differ', { agents: [{ ...offline, pingedAt: now + 5000 }] }, 0],
])('a primary was last known to live: %s', (_name, seen, seconds) => {
  const observed = {
    instances: [primary, secondary],
    agents: [],
    statuses: [],
    lifecycles: new Map(),
    commands: [],
    ...seen,
  };
  expect(now - lastSignOfLife(instanceId(1), observed, now)).toBe(seconds * 1000);
});
