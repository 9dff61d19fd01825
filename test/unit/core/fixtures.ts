import { joinDigest } from '../../../shared/core/membership/plan-newcomer.ts';
import { mirrorDigest } from '../../../shared/core/model/mirror.ts';
import type {
  Head,
  ObservedAgent,
  ObservedInstance,
  ObservedReachability,
  Register,
} from '../../../shared/core/model/observation.ts';
import type { PromotionSettings } from '../../../shared/core/succession/group-view.ts';

/** An instance id that is easy to tell apart: `i-` and the number in 17 hexadecimal digits. */
export function instanceId(number: number): string {
  return `i-${number.toString(16).padStart(17, '0')}`;
}

export const hostKey = `ssh-ed25519 ${'A'.repeat(68)}`;

export const publicKey = `ssh-ed25519 ${'B'.repeat(68)}`;

export const primaryTags = {
  'hostsync:group': 'web',
  'hostsync:primary': '1',
  'hostsync:directories': '/srv/uploads',
  'hostsync:secondaries': `${instanceId(2)} ${instanceId(3)}`,
  'hostsync:public-key': publicKey,
  'hostsync:promoted': `1 ${instanceId(1)}`,
} as const;

/** Of a secondary that was joined to the primary of `primaryTags` (instance 1) and has all files. */
export const secondaryTags = {
  'hostsync:group': 'web',
  'hostsync:host-key': hostKey,
  'hostsync:state': 'in-sync',
  'hostsync:joined': joinDigest(instanceId(1), {
    group: 'web',
    epoch: 1,
    directories: ['/srv/uploads'],
    owner: undefined,
    publicKey,
  }),
} as const;

export function instance(
  number: number,
  tags: Readonly<Record<string, string>>,
  state = 'running',
): ObservedInstance {
  return { id: instanceId(number), state, address: `10.0.0.${number}`, tags };
}

export function agent(number: number, online = true): ObservedAgent {
  return { id: instanceId(number), online, address: `10.0.0.${number}` };
}

export const promotionSettings: PromotionSettings = {
  joinTimeout: 1800,
  joinFailure: 'ABANDON',
  failover: 'auto',
  failoverTicks: 2,
  promoteWithin: 900,
  coolDown: 600,
  remindAfter: 21_600,
  groupWait: 0,
  groupInterval: 0,
  rescueQuiet: 0,
};

/** What is remembered of a group that is well: its claim, and the mirror of the primary's tags as they are. */
export function remembered(
  members: readonly ObservedInstance[],
  more: Partial<Head> = {},
): { readonly head: Head; readonly mirror: NonNullable<Register['configuration']> } | undefined {
  const primary = members.find(({ tags }) => tags['hostsync:primary'] !== undefined);
  if (primary === undefined) return undefined;
  const epoch = Number(primary.tags['hostsync:primary']);
  const claim = { epoch, holder: primary.id, kind: 'first' as const, why: 'the first', at: 0 };
  const synced = Object.fromEntries(
    members.flatMap(({ id, tags }) => {
      const at = Date.parse(tags['hostsync:synced-at'] ?? '');
      return Number.isNaN(at) ? [] : [[id, at]];
    }),
  );
  const outside = primary.tags['hostsync:outside'];
  const head = {
    version: 1,
    claim,
    reconciledFrom: Date.now(),
    configuration: mirrorDigest(primary),
    synced,
    syncedVersion: 1,
    ...(outside !== undefined && { outside }),
    ...more,
  };
  return { head, mirror: { primary: primary.id, tags: primary.tags } };
}

/** What a closer look at an instance has shown: who was asked, answers with this, unless it is silent. */
export function closeLook(
  instance: string,
  probes: ObservedReachability['probes'],
  more: Partial<ObservedReachability> = {},
): ObservedReachability {
  const answered = probes.map(({ by }) => by);
  const requestedAt = Date.parse('2026-11-22T10:00:00.000Z');
  const ended = { requestedAt, ended: true, asked: answered, connection: 'not connected' } as const;
  return { instance, probes, answered, ...ended, ...more };
}

/** A group of a primary (1) and two secondaries (2, 3), all well. */
export function healthyGroup(changes: Readonly<Record<string, string | undefined>> = {}) {
  const tags = Object.entries({ ...primaryTags, ...changes }).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value] as const],
  );
  return {
    instances: [
      instance(1, Object.fromEntries(tags)),
      instance(2, secondaryTags),
      instance(3, secondaryTags),
    ],
    agents: [agent(1), agent(2), agent(3)],
  };
}
