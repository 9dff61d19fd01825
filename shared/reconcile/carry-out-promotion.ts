import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { protect } from '../aws/auto-scaling.ts';
import { publishEvents } from '../aws/domain-events.ts';
import { writeClaim, writeMirror } from '../aws/memory.ts';
import { changeRecords, moveElasticAddress, moveTargets, PointerError } from '../aws/pointers.ts';
import { cancelPushes } from '../aws/pushes.ts';
import { sendScript } from '../aws/ssm.ts';
import {
  formatFence,
  formatLeaveRequest,
  formatPromoteRequest,
  formatPushRequest,
} from '../core/model/request.ts';
import { tagKeys } from '../core/model/tag-keys.ts';
import { formatTask } from '../core/model/task.ts';
import type { UpkeepAction } from '../core/succession/plan-upkeep.ts';
import type { PromotionAction } from '../core/succession/promotion-action.ts';
import type { ActionReport } from './action-log.ts';
import type { Tools } from './tools.ts';

/**
 * Carries one step out. Every one of them may be carried out twice without harm.
 *
 * @param report is given what the log is to say of it
 */
export async function carryOutPromotion(
  action: PromotionAction,
  tools: Tools,
  report: ActionReport,
): Promise<void> {
  const { clients, marks, documents, memory, metrics } = tools;
  switch (action.kind) {
    case 'tell':
      if (action.event.type === 'Primary Promoted') metrics.addMetric('Promotions', MetricUnit.Count, 1);
      return publishEvents(clients.eventBridge, [action.event]);
    case 'claim':
      if (!(await writeClaim(memory, action.group, action.claim, action.seen)))
        report.refused = 'another run was first, or the epoch is held already';
      return;
    case 'run': {
      const { group, instance, step, pass, digest } = action;
      const [document, text, more] = script(action, tools);
      const comment = `hostsync ${step}, group ${group}`;
      const command = await sendScript(clients.ssm, document, [instance], text, comment, more);
      report.commands.push(command);
      const task = formatTask({ step, pass, digest, command, requestedAt: Date.now() });
      return marks.write([instance], { [tagKeys.task]: task });
    }
    case 'cancel-pushes':
      report.commands.push(...(await cancelPushes(clients.ssm, documents.push, action.instance)));
      return;
    case 'tag':
      await marks.write(action.instances, action.set);
      for (const instance of action.instances) await marks.remove(instance, action.remove);
      return;
    case 'mirror':
      return writeMirror(memory, action.group, action.primary, action);
    case 'probe':
    case 'wait':
      return;
  }
}

function script(
  { request, instance }: Extract<PromotionAction, { kind: 'run' }>,
  { documents }: Tools,
): readonly [string, string, Readonly<Record<string, string>>?] {
  switch (request.script) {
    case 'promote':
      return [documents.promote, formatPromoteRequest({ ...request.value, holder: instance })];
    case 'leave':
      return [documents.leave, formatLeaveRequest(request.value), { fence: formatFence(request.value) }];
    case 'push':
      return [documents.push, formatPushRequest({ ...request.value, holder: instance })];
  }
}

/**
 * Moves what points at the primary.
 *
 * @param report is given what the log is to say of it
 * @throws {PointerError} for what is refused
 */
export async function carryOutUpkeep(
  action: UpkeepAction,
  tools: Tools,
  report: ActionReport,
): Promise<void> {
  const { autoScaling, ec2, loadBalancing, route53 } = tools.clients;
  switch (action.kind) {
    case 'move-name':
      return changeRecords(route53, tools.hostedZone, action.name, action.changes);
    case 'move-address':
      return moveElasticAddress(ec2, action.allocation, action.instance);
    case 'refuse':
      throw new PointerError(action.reason);
    case 'move-target':
      return moveTargets(loadBalancing, action.targetGroup, action.add, action.remove);
    case 'protect':
      if (!(await protect(autoScaling, action.autoScalingGroup, action.instance, action.on)))
        report.refused = 'it is not in service';
      return;
  }
}
