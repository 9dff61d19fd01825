import { assess } from '../incidents/incident.ts';
import { holdOf } from '../incidents/rules.ts';
import { notifiedIncident, parseIncidents } from '../model/incident.ts';
import type { ObservedInstance } from '../model/observation.ts';
import { routeBetween } from '../model/route.ts';
import { tagKeys } from '../model/tag-keys.ts';
import type { MembershipAction } from './membership-action.ts';
import type { View } from './membership-view.ts';
import type { Ready } from './readiness.ts';

/** Has a former primary list what only it may hold: a first time, or `relist`. */
export function askForList(
  kind: 'leave' | 'relist',
  group: string,
  { id }: ObservedInstance,
  { primary, configuration }: Ready,
  reason: string,
): readonly MembershipAction[] {
  const { epoch, directories, excludes } = configuration;
  const request = { group, epoch, directories, excludes, peer: primary.id, prepare: false };
  return [{ kind, group, instance: id, request, reason }];
}

/** Has the primary fetch what only this host holds. */
export function askToFetch(
  kind: 'gather' | 'rescue',
  group: string,
  instance: ObservedInstance,
  ready: Ready,
  view: View,
  reason: string,
): readonly MembershipAction[] {
  const { primary, configuration } = ready;
  const { id, tags } = instance;
  const route = routeBetween(primary, instance);
  if (route.kind === 'no-route')
    return [
      ...(kind === 'rescue' ? reportRescue(group, instance, primary.id, view.now, route.reason, view) : []),
      { kind: 'wait', group, instance: id, soon: false, reason: `${id}: ${route.reason}` },
    ];
  const { epoch, directories, excludes } = configuration;
  const { address, port } = route;
  const sources = [{ id, address, port, hostKey: tags[tagKeys.hostKey] }];
  const request = { group, epoch, directories, excludes, sources, lists: kind === 'rescue' };
  return [{ kind, group, primary: primary.id, request, reason }];
}

/** The primary has all that the host held. */
export function recordGathered(
  group: string,
  { id, tags }: ObservedInstance,
  { primary, configuration: { epoch } }: Ready,
  released: boolean,
  reason: string,
): MembershipAction {
  return {
    kind: 'record-gathered',
    group,
    instance: id,
    epoch,
    primary: primary.id,
    released,
    over: notifiedIncident(tags, 'rescue-failed'),
    reason,
  };
}

/**
 * What keeps a former primary's files from being rescued: an event when it has lasted, and another when it is something else.
 *
 * @param at when that was tried, in milliseconds since 1970
 */
export function reportRescue(
  group: string,
  { id, tags }: ObservedInstance,
  rescuedBy: string,
  at: number,
  message: string,
  { settings, now }: View,
): readonly MembershipAction[] {
  const code = 'rescue-failed';
  const [entry] = parseIncidents(tags[tagKeys.incident]);
  // As a secondary, before it was the primary, it may have had another
  const before = entry?.[1].code === code ? entry[1] : undefined;
  const evidence = { code, raised: true, at, cause: message, for: holdOf(code, settings) };
  const { incident, notice } = assess(before, evidence, settings, now);
  if (incident === undefined || incident === before) return [];
  const reason = `what only ${id} holds cannot be rescued: ${message}`;
  return [
    {
      kind: 'report-failure',
      group,
      instance: id,
      rescuedBy,
      message,
      incident: incident,
      notice,
      reason,
    },
  ];
}
