import { planMembership } from '../../shared/core/membership/plan-membership.ts';
import { groupViewOf } from '../../shared/core/operator/change.ts';
import { planTick } from '../../shared/core/push/plan-tick.ts';
import { planPromotion } from '../../shared/core/succession/plan-promotion.ts';
import type { Context } from '../connect.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { chooseGroup, observe } from '../observe.ts';

/** What the service would do now, in its own words: the same decisions, from the same observation, and nothing is done. */
export async function plan(
  context: Context,
  given: string | undefined,
  { output }: { readonly output: 'table' | 'json' },
): Promise<ExitCode> {
  const group = await chooseGroup(context, given);
  const { observation } = await observe(context, group);
  const { observed, settings, now } = groupViewOf(observation, context.settings);
  const actions = [
    ...planTick(observed).filter((action) => action.kind !== 'nothing-to-do'),
    ...planPromotion({ observed, settings, now }),
    ...planMembership(observed, settings, now),
  ].filter((action) => action.group === group);
  const lines = actions.map(({ kind, reason }) => ({ action: kind, reason }));
  context.terminal.out(
    output === 'json'
      ? JSON.stringify({ group, actions: lines }, undefined, 2)
      : lines.map(({ action, reason }) => `  ${action.padEnd(16)}  ${reason}`).join('\n') ||
          '  nothing to do',
  );
  return exitCodes.ok;
}
