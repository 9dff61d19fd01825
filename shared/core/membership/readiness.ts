import { type GroupConfiguration, parseConfiguration } from '../model/group.ts';
import type { ObservedInstance } from '../model/observation.ts';
import { isEstablished, type Primaries } from '../model/primary.ts';
import { tagKeys } from '../model/tag-keys.ts';
import type { View } from './membership-view.ts';

/** How ready a group is to take newcomers. */
export type Readiness =
  | {
      readonly kind: 'ready';
      readonly primary: ObservedInstance;
      readonly configuration: GroupConfiguration;
      readonly publicKey: string;
    }
  | { readonly kind: 'not-ready'; readonly soon: boolean; readonly reason: string };

export type Ready = Extract<Readiness, { kind: 'ready' }>;

/** A group takes newcomers when it has one primary, well configured, up, and made the primary in all respects. */
export function readiness(group: string, { current, tied }: Primaries, view: View): Readiness {
  const notReady = (reason: string, soon = false): Readiness => ({ kind: 'not-ready', soon, reason });
  if (tied.length > 0) return notReady('the group has several primaries');
  if (current === undefined) return notReady('the group has no primary');
  if (current.tags[tagKeys.paused] !== undefined) return notReady('the group is paused');
  const configuration = parseConfiguration(current);
  if (!configuration.ok) return notReady('the tags of the primary are wrong');
  if (current.state !== 'running') return notReady(`the primary is ${current.state}`);
  if (!view.online.has(current.id)) return notReady('the SSM agent of the primary is not online');
  const publicKey = current.tags[tagKeys.publicKey];
  if (publicKey === undefined || !isEstablished(current))
    return notReady(`${current.id} of the group "${group}" is about to become the primary`, true);
  return { kind: 'ready', primary: current, configuration: configuration.value, publicKey };
}
