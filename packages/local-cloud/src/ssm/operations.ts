import type * as v from 'valibot';
import { pageOf } from '../api/paging.ts';
import { type AccessCheck, type Caller, operation, type Service } from '../api/registry.ts';
import { type Account, arnOf, instanceArn } from '../base/account.ts';
import { AwsError, UnservedError } from '../base/errors.ts';
import { resourceTagContext } from '../ec2/requests.ts';
import type { Iam } from '../iam/iam.ts';
import {
  type CommandInvocationRecord,
  type CommandRecord,
  isTerminal,
  type StepRecord,
} from './command-records.ts';
import { commandShape, invocationDetails, listedInvocation } from './command-shapes.ts';
import { type CommandDocument, checkParameters } from './document.ts';
import { describeNodes } from './information.ts';
import type { ManagedNode, ManagedNodes } from './nodes.ts';
import { type ParameterStore, parameterOperations } from './parameter-store.ts';
import type { RunCommand } from './run-command.ts';
import * as schemas from './schemas.ts';

interface Dependencies {
  readonly account: Account;
  readonly nodes: ManagedNodes;
  readonly documents: readonly CommandDocument[];
  readonly runCommand: RunCommand;
  readonly parameters: ParameterStore;
  readonly iam: Iam;
  /** seconds for which a new command is not yet there for GetCommandInvocation */
  readonly invocationLagSeconds: () => number;
}

type SendInput = v.InferOutput<typeof schemas.sendCommandSchema>;

/** Systems Manager: JSON 1.1. */
export function ssmService(deps: Dependencies): Service {
  const { account, nodes, documents, runCommand } = deps;
  const anywhere = (action: string): readonly AccessCheck[] => [
    { action, resource: '*', context: { 'aws:RequestedRegion': account.region } },
  ];

  const instanceAccess = (id: string): AccessCheck => ({
    action: 'ssm:SendCommand',
    resource: instanceArn(account, id),
    context: {
      'aws:RequestedRegion': account.region,
      ...resourceTagContext('ssm', nodes.get(id)?.instance.tags ?? new Map()),
    },
  });

  const describeInstanceInformation = operation({
    name: 'DescribeInstanceInformation',
    schema: schemas.describeInstanceInformationSchema,
    access: () => anywhere('ssm:DescribeInstanceInformation'),
    run: (input) => describeNodes([...nodes.values()], input),
  });

  // The agent's channel for sessions: it breaks at once, where `PingStatus` waits for missing heartbeats
  const getConnectionStatus = operation({
    name: 'GetConnectionStatus',
    schema: schemas.getConnectionStatusSchema,
    access: (input) => [{ ...instanceAccess(input.Target), action: 'ssm:GetConnectionStatus' }],
    run(input) {
      const isConnected = nodes.get(input.Target)?.reachable ?? false;
      return { Target: input.Target, Status: isConnected ? 'connected' : 'notconnected' };
    },
  });

  const sendCommand = operation({
    name: 'SendCommand',
    schema: schemas.sendCommandSchema,
    access: (input) => [
      { action: 'ssm:SendCommand', resource: documentArn(account, input.DocumentName), context: {} },
      ...idsOf(input).map(instanceAccess),
    ],
    async run(input, caller) {
      const document = documentOf(documents, input);
      const values = checkParameters(document, input.Parameters);
      const targets = await targetsOf(input, caller);
      const command = runCommand.send({
        document,
        given: input.Parameters,
        values,
        givenDocumentName: input.DocumentName,
        comment: input.Comment,
        caller: caller.name,
        timeoutSeconds: input.TimeoutSeconds,
        maxConcurrency: input.MaxConcurrency,
        maxErrors: input.MaxErrors,
        targets: input.Targets,
        ...targets,
      });
      return { Command: commandShape(command) };
    },
  });

  /** Instances by id must all be valid; those found by a tag are taken if the caller may command them. */
  const targetsOf = async (input: SendInput, caller: Caller) => {
    if ((input.InstanceIds.length === 0) === (input.Targets.length === 0)) {
      throw new AwsError('ValidationException', 'Exactly one of InstanceIds and Targets must be given.');
    }
    const ids = idsOf(input);
    if (new Set(ids).size < ids.length)
      throw new AwsError('DuplicateInstanceId', 'An instance ID is there twice.');
    if (ids.length > 0) return { nodes: requireNodes(ids, nodes, account), deniedInstanceIds: [] };
    const unserved = input.Targets.find(({ Key }) => !Key.startsWith('tag:'));
    if (unserved !== undefined) {
      throw new UnservedError(
        'InvalidTarget',
        `the local cloud does not serve the target ${unserved.Key}; see src/ssm/operations.ts`,
      );
    }
    const found = [...nodes.values()].filter(
      (node) =>
        node.listed &&
        input.Targets.every(({ Key, Values }) =>
          Values.includes(node.instance.tags.get(Key.slice('tag:'.length)) ?? '\0'),
        ),
    );
    const denied = new Set<string>();
    for (const node of found) {
      const denial = await deps.iam.firstDenial(caller, [instanceAccess(node.instance.id)]);
      if (denial !== undefined) denied.add(node.instance.id);
    }
    return { nodes: found.filter((node) => !denied.has(node.instance.id)), deniedInstanceIds: [...denied] };
  };

  const getCommandInvocation = operation({
    name: 'GetCommandInvocation',
    schema: schemas.getCommandInvocationSchema,
    access: () => anywhere('ssm:GetCommandInvocation'),
    run(input) {
      const command = runCommand.commands.find(({ id }) => id === input.CommandId);
      const invocation = command?.invocations.find(({ instanceId }) => instanceId === input.InstanceId);
      const age = command === undefined ? 0 : (Date.now() - command.requestedAt.getTime()) / 1000;
      if (command === undefined || invocation === undefined || age < deps.invocationLagSeconds()) {
        throw new AwsError('InvocationDoesNotExist', `${input.CommandId} on ${input.InstanceId}`);
      }
      return invocationDetails(command, invocation, stepOf(invocation, input.PluginName));
    },
  });

  const listCommands = operation({
    name: 'ListCommands',
    schema: schemas.listCommandsSchema,
    check: (input) => checkCommandFilters(input),
    access: () => anywhere('ssm:ListCommands'),
    run(input) {
      const { NextToken, MaxResults, ...request } = input;
      const found = runCommand.commands
        .filter(({ id }) => input.CommandId === undefined || id === input.CommandId)
        .filter(
          ({ invocations }) =>
            input.InstanceId === undefined || invocations.some((i) => i.instanceId === input.InstanceId),
        )
        .filter((command) => (input.Filters ?? []).every((filter) => commandPasses(command, command, filter)))
        .toReversed();
      const page = pageOf(found, MaxResults, NextToken, request);
      return { Commands: page.items.map(commandShape), NextToken: page.nextToken };
    },
  });

  const listCommandInvocations = operation({
    name: 'ListCommandInvocations',
    schema: schemas.listCommandInvocationsSchema,
    check(input) {
      checkCommandFilters(input);
      if (input.Filters?.some(({ key }) => key === 'ExecutionStage'))
        throw new AwsError('InvalidFilterKey', 'ExecutionStage can be used with ListCommands only.');
    },
    access: () => anywhere('ssm:ListCommandInvocations'),
    run(input) {
      const { NextToken, MaxResults, ...request } = input;
      const found = runCommand.commands
        .filter(({ id }) => input.CommandId === undefined || id === input.CommandId)
        .flatMap((command) => command.invocations.map((invocation) => ({ command, invocation })))
        .filter(
          ({ invocation }) => input.InstanceId === undefined || invocation.instanceId === input.InstanceId,
        )
        .filter(({ command, invocation }) =>
          (input.Filters ?? []).every((filter) => commandPasses(command, invocation, filter)),
        )
        .toReversed();
      const page = pageOf(found, MaxResults, NextToken, request);
      const shapes = page.items.map(({ command, invocation }) =>
        listedInvocation(command, invocation, input.Details),
      );
      return { CommandInvocations: shapes, NextToken: page.nextToken };
    },
  });

  const cancelCommand = operation({
    name: 'CancelCommand',
    schema: schemas.cancelCommandSchema,
    access: () => anywhere('ssm:CancelCommand'),
    run(input) {
      const command = runCommand.commands.find(({ id }) => id === input.CommandId);
      if (command === undefined) throw new AwsError('InvalidCommandId', '');
      const ids = command.invocations.map(({ instanceId }) => instanceId);
      const unknown = input.InstanceIds.filter((id) => !ids.includes(id));
      if (unknown.length > 0)
        throw new AwsError('InvalidInstanceId', `The command was not sent to ${unknown.join(', ')}`);
      if (new Set(input.InstanceIds).size < input.InstanceIds.length)
        throw new AwsError('DuplicateInstanceId', 'An instance ID is there twice.');
      runCommand.cancel(command, input.InstanceIds);
      return {};
    },
  });

  return {
    signingName: 'ssm',
    protocol: { kind: 'json', version: '1.1', targetPrefix: 'AmazonSSM' },
    source: 'ssm/operations.ts',
    operations: [
      describeInstanceInformation,
      getConnectionStatus,
      sendCommand,
      getCommandInvocation,
      listCommands,
      listCommandInvocations,
      cancelCommand,
      ...parameterOperations(deps.parameters),
    ],
  };
}

/** The instances that are named, in either of the two ways. */
function idsOf(input: SendInput): readonly string[] {
  return input.Targets.find(({ Key }) => Key === 'InstanceIds')?.Values ?? input.InstanceIds;
}

function documentArn(account: Account, name: string): string {
  if (name.startsWith('arn:')) return name;
  if (name.startsWith('AWS-')) return `arn:${account.partition}:ssm:${account.region}::document/${name}`;
  return arnOf(account, 'ssm', `document/${name}`);
}

function documentOf(documents: readonly CommandDocument[], input: SendInput): CommandDocument {
  const found = documents.find(({ name, arn }) => [name, arn].includes(input.DocumentName));
  if (found === undefined) {
    if (/(^|\/)AWS-/.test(input.DocumentName)) {
      throw new UnservedError(
        'InvalidDocument',
        `the local cloud does not have the document ${input.DocumentName}`,
      );
    }
    throw new AwsError('InvalidDocument', `Document with name ${input.DocumentName} does not exist.`);
  }
  if (!['$DEFAULT', '$LATEST', '1'].includes(input.DocumentVersion)) {
    throw new AwsError('InvalidDocumentVersion', `Document version ${input.DocumentVersion} does not exist.`);
  }
  return found;
}

function requireNodes(ids: readonly string[], nodes: ManagedNodes, account: Account): readonly ManagedNode[] {
  const found = ids.map((id) => nodes.get(id)).filter((node) => node !== undefined);
  const valid = found.filter(
    (node) =>
      node.registered && ['pending', 'running'].includes(node.instance.state) && node.pingStatus === 'Online',
  );
  const bad = ids.filter((id) => !valid.some((node) => node.instance.id === id));
  if (bad.length > 0) {
    throw new AwsError(
      'InvalidInstanceId',
      `Instances [[${bad.join(', ')}]] not in a valid state for account ${account.accountId}`,
    );
  }
  return valid;
}

function stepOf(invocation: CommandInvocationRecord, name: string | undefined): StepRecord {
  const step =
    name === undefined && invocation.steps.length === 1
      ? invocation.steps[0]
      : invocation.steps.find((candidate) => candidate.name === name);
  if (step === undefined)
    throw new AwsError('InvalidPluginName', `the document has no step ${name ?? '(none was named)'}`);
  return step;
}

type CommandsInput = Pick<v.InferOutput<typeof schemas.listCommandsSchema>, 'Filters' | 'InstanceId'>;

/** API_CommandFilter.html. @throws AwsError */
function checkCommandFilters({ Filters = [], InstanceId }: CommandsInput): void {
  const invalid = (message: string): AwsError => new AwsError('ValidationException', message);
  for (const { key, value } of Filters) {
    switch (key) {
      case 'InvokedAfter':
      case 'InvokedBefore':
        if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(value) || Number.isNaN(Date.parse(value)))
          throw invalid(`${key} must be a time such as 2026-07-07T00:00:00Z, in whole seconds: ${value}`);
        break;
      case 'ExecutionStage':
        if (!['Executing', 'Complete'].includes(value))
          throw invalid(`ExecutionStage is Executing or Complete, not ${value}`);
        break;
      case 'Status':
        if (!filterStatuses.has(value)) throw invalid(`${value} is not a status of a command`);
        if (value === 'Pending' && InstanceId !== undefined)
          throw invalid('InstanceId cannot be given together with the status Pending');
        break;
      case 'DocumentName':
        break;
    }
  }
}

const filterStatuses: ReadonlySet<string> = new Set([
  ...['Pending', 'InProgress', 'Delayed', 'Success', 'Cancelled', 'Failed', 'TimedOut', 'AccessDenied'],
  ...['DeliveryTimedOut', 'ExecutionTimedOut', 'Incomplete', 'NoInstancesInTag', 'LimitExceeded'],
  ...['Undeliverable', 'InvalidPlatform', 'Terminated'],
]);

function commandPasses(
  command: CommandRecord,
  { status, statusDetails }: { readonly status: string; readonly statusDetails: string },
  filter: schemas.CommandFilter,
): boolean {
  switch (filter.key) {
    case 'InvokedAfter':
      return command.requestedAt.getTime() >= Date.parse(filter.value);
    case 'InvokedBefore':
      return command.requestedAt.getTime() < Date.parse(filter.value);
    case 'Status':
      return [status, statusDetails].includes(filter.value);
    case 'ExecutionStage':
      return isTerminal(command.status) === (filter.value === 'Complete');
    case 'DocumentName':
      return [command.documentName, command.givenDocumentName].includes(filter.value);
  }
}
