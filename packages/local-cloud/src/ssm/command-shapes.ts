import { epochSeconds } from '../base/account.ts';
import {
  type CommandInvocationRecord,
  type CommandRecord,
  isTerminal,
  type StepRecord,
} from './command-records.ts';

/** `Command` of SendCommand and ListCommands. */
export function commandShape(command: CommandRecord): unknown {
  const ended = command.invocations.filter(({ status }) => isTerminal(status));
  return {
    CommandId: command.id,
    DocumentName: command.givenDocumentName,
    DocumentVersion: '$DEFAULT',
    Comment: command.comment,
    ExpiresAfter: epochSeconds(command.expiresAfter),
    Parameters: command.parameters,
    InstanceIds: command.targets.length > 0 ? [] : command.invocations.map(({ instanceId }) => instanceId),
    Targets: command.targets,
    RequestedDateTime: epochSeconds(command.requestedAt),
    Status: command.status,
    StatusDetails: command.statusDetails,
    OutputS3BucketName: '',
    OutputS3KeyPrefix: '',
    MaxConcurrency: command.maxConcurrency,
    MaxErrors: command.maxErrors,
    TargetCount: command.invocations.length,
    CompletedCount: ended.length,
    ErrorCount: ended.filter(({ status }) => status === 'Failed' || status === 'TimedOut').length,
    DeliveryTimedOutCount: ended.filter(({ statusDetails }) => statusDetails === 'DeliveryTimedOut').length,
    ServiceRole: '',
    TimeoutSeconds: command.timeoutSeconds,
  };
}

/** The answer of GetCommandInvocation. */
export function invocationDetails(
  command: CommandRecord,
  invocation: CommandInvocationRecord,
  step: StepRecord,
): unknown {
  const elapsed =
    step.startedAt !== undefined && step.endedAt !== undefined ? +step.endedAt - +step.startedAt : undefined;
  return {
    CommandId: command.id,
    InstanceId: invocation.instanceId,
    Comment: command.comment,
    DocumentName: command.givenDocumentName,
    DocumentVersion: '$DEFAULT',
    PluginName: step.name,
    ResponseCode: step.responseCode,
    ExecutionStartDateTime: step.startedAt?.toISOString() ?? '',
    ExecutionElapsedTime: elapsed === undefined ? '' : `PT${elapsed / 1000}S`,
    ExecutionEndDateTime: step.endedAt?.toISOString() ?? '',
    Status: step.status,
    StatusDetails: step.statusDetails,
    StandardOutputContent: step.stdout,
    StandardOutputUrl: '',
    StandardErrorContent: step.stderr,
    StandardErrorUrl: '',
  };
}

/** `CommandInvocation` of ListCommandInvocations. */
export function listedInvocation(
  command: CommandRecord,
  invocation: CommandInvocationRecord,
  details: boolean,
): unknown {
  return {
    CommandId: command.id,
    InstanceId: invocation.instanceId,
    InstanceName: '',
    Comment: command.comment,
    DocumentName: command.givenDocumentName,
    DocumentVersion: '$DEFAULT',
    RequestedDateTime: epochSeconds(command.requestedAt),
    Status: invocation.status,
    StatusDetails: invocation.statusDetails,
    TraceOutput: invocation.traceOutput.slice(0, 2500),
    StandardOutputUrl: '',
    StandardErrorUrl: '',
    CommandPlugins: details
      ? invocation.steps.map((step) => ({
          Name: step.name,
          Status: step.status,
          StatusDetails: step.statusDetails,
          ResponseCode: step.responseCode,
          ...(step.startedAt !== undefined && { ResponseStartDateTime: epochSeconds(step.startedAt) }),
          ...(step.endedAt !== undefined && { ResponseFinishDateTime: epochSeconds(step.endedAt) }),
          Output: step.listedOutput,
        }))
      : [],
  };
}
