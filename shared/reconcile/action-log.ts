import type { Logger } from '@aws-lambda-powertools/logger';
import { describeError } from '../aws/errors.ts';
import type { MembershipAction } from '../core/membership/membership-action.ts';
import type { UpkeepAction } from '../core/succession/plan-upkeep.ts';
import type { PromotionAction } from '../core/succession/promotion-action.ts';

export type LoggedAction = MembershipAction | PromotionAction | UpkeepAction;

/** What carrying an action out has shown, for its line in the log. */
export class ActionReport {
  /** Ids of the SSM commands that it sent. */
  readonly commands: string[] = [];
  /** Why AWS did not do it though no call failed; undefined if it did. */
  refused: string | undefined;
}

/** The hosts that an action is about: those that wait for what it does. */
export function hostsOf(action: LoggedAction): readonly string[] {
  switch (action.kind) {
    case 'join':
    case 'tag':
      return action.instances;
    case 'first-sync':
      return [...action.passes.keys()];
    case 'gather':
    case 'rescue':
      return action.request.sources.map(({ id }) => id);
    case 'set-list':
      return [...action.joined, ...action.left];
    case 'claim':
      return [action.claim.holder];
    case 'mirror':
      return [action.primary];
    case 'probe':
      return [action.instance, ...action.by];
    case 'move-target':
      return [...action.add, ...action.remove];
    case 'wait':
      return 'instance' in action ? [action.instance] : [];
    case 'tell':
    case 'move-name':
    case 'refuse':
      return [];
    case 'run':
    case 'cancel-pushes':
    case 'protect':
    case 'record-join':
    case 'leave':
    case 'relist':
    case 'notify-rescued':
    case 'notify-kept':
    case 'record-left':
    case 'record-gathered':
    case 'admit':
    case 'report-failure':
    case 'clear-state':
    case 'complete-hook':
    case 'keep-alive':
    case 'release':
    case 'move-address':
      return [action.instance];
  }
}

/** What stands in the line of every action, whatever becomes of it: the saved queries of infra/queries.yml ask for these fields. */
function fieldsOf(action: LoggedAction): Readonly<Record<string, unknown>> {
  return {
    action: action.kind,
    group: action.group,
    // Logs Insights takes lists apart; a text can be searched
    hosts: hostsOf(action).join(' '),
    reason: action.reason,
    ...('step' in action && { step: action.step }),
    ...(action.kind === 'tell' && { event: action.event.type, id: action.event.detail.id }),
    ...(action.kind === 'claim' && { epoch: action.claim.epoch }),
    ...('hook' in action && { hook: action.hook }),
    ...('result' in action && { result: action.result }),
  };
}

/** One line on an action that was carried out, or that AWS refused without an error. */
export function logAction(logger: Logger, action: LoggedAction, report: ActionReport): void {
  const { commands, refused } = report;
  const fields = { ...fieldsOf(action), ...(commands.length > 0 && { command: commands.join(' ') }) };
  if (refused !== undefined) {
    logger.warn(`${action.reason}: ${refused}`, { ...fields, outcome: 'refused' });
    return;
  }
  const gaveUp = action.kind === 'complete-hook' && action.failed;
  const outcome = action.kind === 'wait' ? 'waits' : 'done';
  logger[gaveUp ? 'error' : 'info'](action.reason, { ...fields, outcome });
}

/** What stands in the line of an action that failed. */
export function failureFields(
  action: LoggedAction,
  { commands }: ActionReport,
  error: unknown,
): Readonly<Record<string, unknown>> {
  const command = commands.length > 0 ? { command: commands.join(' ') } : {};
  return { ...fieldsOf(action), ...command, outcome: 'failed', error: describeError(error) };
}
