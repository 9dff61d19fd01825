import type { ActionBlocker } from './action-blockers.ts';
import type { GroupOverview, HeldDeletions } from './overview.ts';

/** What an operator would run for these held deletions. */
export type HeldCommand = (group: string, id: string) => string;

export const acceptCommand: HeldCommand = (group, id) => `hostsync accept-deletions ${group} ${id}`;
export const restoreCommand: HeldCommand = (group, id) => `hostsync restore ${group} --held ${id}`;

/** The held deletions that an operator means, or why there are none. @param command to run for those that are held now */
export function heldDeletions(
  { held, group }: GroupOverview,
  id: string | undefined,
  command: HeldCommand,
): ActionBlocker | (HeldDeletions & { readonly id: string }) {
  if (held === null)
    return {
      reason:
        id === undefined ? `No deletions of ${group} are held` : `The deletions ${id} are no longer held`,
      advice: `Nothing was done. See: hostsync status ${group}`,
    };
  if (held.id === null) return { reason: held.reason, advice: `First: hostsync push ${group}` };
  if (id !== undefined && id !== held.id)
    return {
      reason: `The deletions ${id} are no longer held: others are, ${held.count} of ${held.total}`,
      advice: `Nothing was done. Look at them, then: ${command(group, held.id)}`,
    };
  return { ...held, id: held.id };
}

/** What a new epoch undoes: the primary of it fetches what only others hold, or has it. */
export function heldWarnings({ held, group }: GroupOverview): readonly string[] {
  if (held === null) return [];
  const accept = held.id === null ? `hostsync push ${group}` : acceptCommand(group, held.id);
  return [
    `${held.count === null ? 'Deletions' : `${held.count} deletions`} are held. What they would delete stays, and the primary of the new epoch has it. If it is to go, first: ${accept}`,
  ];
}
