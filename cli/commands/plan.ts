import { describeError } from '../../shared/aws/errors.ts';
import { planMembership } from '../../shared/core/membership/plan-membership.ts';
import { planPromotion } from '../../shared/core/succession/plan-promotion.ts';
import { planUpkeep } from '../../shared/core/succession/plan-upkeep.ts';
import { hostsOf } from '../../shared/reconcile/action-log.ts';
import { observePointers } from '../../shared/reconcile/observe.ts';
import { observe } from '../observe.ts';
import type { CommonOptions } from '../options.ts';
import { tsvLine } from '../output/table.ts';
import type { Session } from '../session.ts';

export interface PlanOptions extends CommonOptions {
  readonly group?: string;
}

interface Planned {
  readonly by: 'push' | 'promotion' | 'membership' | 'upkeep';
  readonly action: string;
  readonly hosts: readonly string[];
  readonly reason: string;
}

/** What the planners of the service would do with what is seen now. Nothing of it is done. */
export async function plan(session: Session, options: PlanOptions): Promise<number> {
  const group = await session.group(options.group);
  const { terminal } = session;
  const { observed, plan: tick } = await observe(session, group);
  const tools = session.tools(group);
  const { settings } = tools;
  const now = Date.now();
  const pointers = await observePointers(observed, tools, (what, error) =>
    terminal.say(`${terminal.symbol('unknown')} ${what} failed: ${describeError(error)}`),
  );
  const planned: readonly Planned[] = [
    ...tick.map((action): Planned => {
      const hosts =
        action.kind === 'push' ? [action.primary] : action.kind === 'leave-out' ? [action.secondary] : [];
      return { by: 'push', action: action.kind, hosts, reason: action.reason };
    }),
    // Outside a tick no look at a primary counts: a suspicion is not counted on here
    ...planPromotion({ observed, settings, now }).map((each) => describe('promotion', each)),
    ...planMembership(observed, settings, now).map((each) => describe('membership', each)),
    ...planUpkeep(observed, pointers).map((each) => describe('upkeep', each)),
  ];
  if (options.output === 'json') terminal.print(JSON.stringify(planned, undefined, 2));
  else if (options.output === 'tsv')
    for (const { by, action, hosts, reason } of planned)
      terminal.print(tsvLine([by, action, hosts.join(' '), reason]));
  else
    for (const { by, action, hosts, reason } of planned) {
      const who = hosts.length === 0 ? '' : ` ${hosts.join(', ')}`;
      terminal.print(`${terminal.style('bold', `${by}: ${action}`)}${who}\n  ${reason}`);
    }
  return 0;
}

function describe(by: Planned['by'], action: Parameters<typeof hostsOf>[0]): Planned {
  return { by, action: action.kind, hosts: hostsOf(action), reason: action.reason };
}
