import { type GroupConfiguration, parseConfiguration } from '../model/group.ts';
import type { ObservedInstance, ObservedPush, PromotionObservation } from '../model/observation.ts';
import { findPrimary, type Primaries } from '../model/primary.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { planPush } from '../push/plan-push.ts';
import type { PushAction } from '../push/push-action.ts';
import { type Watch, watchOf } from './watch-view.ts';

export interface OverviewSettings {
  /** Seconds. */
  readonly behindAfter: number;
  /** Seconds. */
  readonly promoteWithin: number;
}

/** All that an overview of one group is made from: what a look observes, and the pushes of its primary. */
export interface GroupObservation {
  readonly group: string;
  readonly observed: PromotionObservation;
  readonly pushes: readonly ObservedPush[];
  readonly settings: OverviewSettings;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The observation, with what every part of the overview asks for. */
export interface OverviewView extends GroupObservation {
  readonly members: readonly ObservedInstance[];
  readonly primaries: Primaries;
  /** Undefined where there is no primary, or its tags are wrong. */
  readonly configuration: GroupConfiguration | undefined;
  /** What the next tick would do. */
  readonly plan: readonly PushAction[];
  readonly watch: Watch;
}

export function viewOf(observation: GroupObservation): OverviewView {
  const { group, observed } = observation;
  const { instances, agents } = observed;
  const members = instances.filter(({ tags }) => tags[tagKeys.group] === group);
  const primaries = findPrimary(members);
  const configuration = primaries.current && parseConfiguration(primaries.current);
  return {
    ...observation,
    members,
    primaries,
    configuration: configuration?.ok === true ? configuration.value : undefined,
    watch: watchOf(observation.pushes, primaries.current?.id),
    plan: members.length === 0 ? [] : planPush({ instances: members, agents }),
  };
}
