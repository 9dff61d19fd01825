import type { JoinSettings } from '../membership/membership-view.ts';
import type { DomainEvent } from '../model/domain-event.ts';
import type { ObservedInstance, PromotionObservation, Register } from '../model/observation.ts';
import type { PromotionAction } from './promotion-action.ts';

export interface PromotionSettings extends JoinSettings {
  /** `manual`: an alert says what would be done, and leaves it to a person. */
  readonly failover: 'auto' | 'manual';
  /** Ticks in a row whose closer look has to find a suspected primary dead. */
  readonly failoverTicks: number;
  /** Seconds of uploads that may be missing on a host that becomes the primary by itself. */
  readonly promoteWithin: number;
  /** Seconds after a promotion in which no other one happens by itself. */
  readonly coolDown: number;
}

/** What one plan looks at. */
export interface PromotionView {
  readonly observed: PromotionObservation;
  readonly settings: PromotionSettings;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The minute that the schedule named, in milliseconds since 1970; undefined outside a tick: then no look counts. */
  readonly tick?: number | undefined;
}

/** One group, and all that its plan looks at. */
export interface GroupView extends PromotionView {
  readonly group: string;
  readonly members: readonly ObservedInstance[];
  /** What outlives its instances; undefined if it could not be read. */
  readonly register: Register | undefined;
}

export function notify(view: GroupView, event: DomainEvent, reason: string): PromotionAction {
  return { kind: 'tell', group: view.group, event, reason };
}

export function setTags(
  view: GroupView,
  instances: readonly string[],
  set: Readonly<Record<string, string>>,
  remove: readonly string[],
  reason: string,
): PromotionAction {
  return { kind: 'tag', group: view.group, instances, set, remove, reason };
}

export function waitFor(view: GroupView, reason: string): PromotionAction {
  return { kind: 'wait', group: view.group, reason };
}

export function askProbers(
  view: GroupView,
  instance: string,
  where: 'primary' | 'itself',
  by: readonly string[],
  reason: string,
): PromotionAction {
  return { kind: 'probe', group: view.group, instance, where, by, reason };
}
