import type { GroupOverview } from '../../shared/core/operator/overview.ts';
import type { Context } from '../connect.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { chooseGroup, nameOf, observe } from '../observe.ts';
import { lag, minute } from '../render/duration.ts';
import type { Look } from '../terminal.ts';

export async function history(
  context: Context,
  given: string | undefined,
  { output }: { readonly output: 'table' | 'json' },
): Promise<ExitCode> {
  const group = await chooseGroup(context, given);
  const { overview } = await observe(context, group);
  const { promotions, incidents, heldDeletions } = overview;
  const text =
    output === 'json'
      ? JSON.stringify({ group, promotions, incidents, heldDeletions }, undefined, 2)
      : renderHistory(overview, context.terminal.look).join('\n');
  context.terminal.out(text);
  return exitCodes.ok;
}

/** What is open, and every promotion that is remembered, the newest first. */
export function renderHistory(overview: GroupOverview, { style, symbol }: Look): readonly string[] {
  const { incidents, promotions, at } = overview;
  const open = incidents.map(({ code, since, subject }) => {
    const whose = subject === undefined ? '' : `${nameOf(overview, subject)} `;
    const lasted = lag((at - since) / 1000);
    return [since, `${style('red', symbol('attention'))} ${whose}${code}, open for ${lasted}`] as const;
  });
  const past = promotions.map(({ at: when, from, to, kind, epoch, why }) => {
    const change =
      from === undefined
        ? nameOf(overview, to)
        : `${nameOf(overview, from)} ${symbol('arrow')} ${nameOf(overview, to)}`;
    return [when, `${style('green', symbol('ok'))} ${change}, ${kind}, epoch ${epoch}: ${why}`] as const;
  });
  const lines = [...open, ...past]
    .toSorted(([one], [other]) => other - one)
    .map(([when, text]) => `${minute(when)}  ${text}`);
  return lines.length === 0 ? ['Nothing is remembered yet.'] : lines;
}
