import { MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Clients } from '../../shared/aws/clients.ts';
import { describeError } from '../../shared/aws/errors.ts';
import { sendPush } from '../../shared/aws/pushes.ts';
import type { Documents } from '../../shared/aws/ssm.ts';
import { planned } from '../../shared/core/model/request.ts';
import type { PushAction } from '../../shared/core/push/push-action.ts';
import type { Instruments } from '../../shared/edge/handler.ts';

/** At least one push could not be started; the others were. */
export class TickError extends AggregateError {
  override readonly name = 'TickError';
}

interface Tools extends Instruments {
  readonly clients: Clients;
  readonly documents: Pick<Documents, 'push'>;
  readonly times: Parameters<typeof planned>[2];
}

/**
 * Does what the plan says and logs every reason. A group whose push cannot be started does not keep the others from
 * theirs.
 *
 * @throws {TickError} when all is done, if a push could not be started
 */
export async function carryOutTick(actions: readonly PushAction[], tools: Tools): Promise<void> {
  const outcomes = await Promise.allSettled(actions.map((action) => carryOut(action, tools)));
  const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  if (errors.length > 0) throw new TickError(errors, errors.map((error) => error.message).join(' | '));
}

async function carryOut(
  action: PushAction,
  { clients, documents, times, logger, metrics }: Tools,
): Promise<void> {
  switch (action.kind) {
    case 'push': {
      const { group, primary, request, reason } = action;
      try {
        const command = await sendPush(
          clients.ssm,
          documents.push,
          primary,
          planned(request, primary, times),
        );
        const secondaries = request.secondaries.map(({ id }) => id);
        const { epoch } = request;
        const fields = {
          action: 'push',
          outcome: 'done',
          group,
          hosts: primary,
          epoch,
          secondaries,
          command,
        };
        logger.info(reason, fields);
        metrics.addMetric('PushesStarted', MetricUnit.Count, 1);
      } catch (error) {
        const fields = {
          action: 'push',
          outcome: 'failed',
          group,
          hosts: primary,
          error: describeError(error),
        };
        logger.error(`group ${group}: the push could not be started on ${primary}`, fields);
        throw new Error(
          `group ${group}: the push could not be started on ${primary}: ${describeError(error)}`,
          { cause: error },
        );
      }
      return;
    }
    case 'leave-out':
    case 'no-push': {
      const { kind, severity, reason, ...rest } = action;
      logger[severity](reason, { action: kind, ...rest });
      // By reason and not by group: a few metrics, however many groups there are
      const counted = metrics.singleMetric();
      counted.addDimension('Reason', rest.code);
      counted.addMetric(kind === 'no-push' ? 'GroupsNotPushed' : 'SecondariesLeftOut', MetricUnit.Count, 1);
      return;
    }
    case 'nothing-to-do':
      logger.info(action.reason, { action: action.kind });
      return;
  }
}
