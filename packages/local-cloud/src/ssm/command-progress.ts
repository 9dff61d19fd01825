import { type Account, instanceArn } from '../base/account.ts';
import type { EventSink } from '../events/bus.ts';
import {
  type CommandInvocationRecord,
  type CommandRecord,
  type CommandStatus,
  isTerminal,
} from './command-records.ts';

/** Changes the statuses of commands and of their invocations, and sends the events. */
export class CommandProgress {
  readonly #account: Account;
  readonly #events: EventSink;

  constructor(account: Account, events: EventSink) {
    this.#account = account;
    this.#events = events;
  }

  /** The agent of an instance has taken the command. */
  begin(command: CommandRecord, invocation: CommandInvocationRecord): void {
    invocation.status = 'InProgress';
    invocation.statusDetails = 'InProgress';
    this.#emitInvocation(command, invocation);
    if (command.status !== 'Pending') return;
    command.status = 'InProgress';
    command.statusDetails = 'InProgress';
    this.#emitCommand(command);
  }

  conclude(
    command: CommandRecord,
    invocation: CommandInvocationRecord,
    status: CommandStatus,
    statusDetails: string,
  ): void {
    invocation.status = status;
    invocation.statusDetails = statusDetails;
    for (const step of invocation.steps) {
      if (isTerminal(step.status)) continue;
      step.status = status;
      step.statusDetails = statusDetails;
    }
    this.#emitInvocation(command, invocation);
  }

  /** After all its invocations. */
  concludeCommand(command: CommandRecord): void {
    const decisive = decisiveOf(command.invocations);
    command.status = decisive?.status ?? 'Success';
    command.statusDetails = decisive?.statusDetails ?? 'Success';
    this.#emitCommand(command);
  }

  #emitInvocation(command: CommandRecord, invocation: CommandInvocationRecord): void {
    this.#events.emit({
      source: 'aws.ssm',
      'detail-type': 'EC2 Command Invocation Status-change Notification',
      resources: [instanceArn(this.#account, invocation.instanceId)],
      detail: {
        'command-id': command.id,
        'document-name': command.givenDocumentName,
        'instance-id': invocation.instanceId,
        'requested-date-time': command.requestedAt.toISOString(),
        status: eventStatus(invocation.status),
      },
    });
  }

  #emitCommand(command: CommandRecord): void {
    this.#events.emit({
      source: 'aws.ssm',
      'detail-type': 'EC2 Command Status-change Notification',
      resources: command.invocations.map(({ instanceId }) => instanceArn(this.#account, instanceId)),
      detail: {
        'command-id': command.id,
        'document-name': command.givenDocumentName,
        'expire-after': command.expiresAfter.toISOString(),
        parameters: command.parameters,
        'requested-date-time': command.requestedAt.toISOString(),
        status: eventStatus(command.status),
      },
    });
  }
}

/**
 * The one of several whose status all together have; undefined when all succeeded.
 *
 * @see amazon-ssm-agent agent/contracts/aggregator.go: "a contract between SSM service and agent"
 */
export function decisiveOf<T extends { readonly status: CommandStatus }>(all: readonly T[]): T | undefined {
  const of = (status: CommandStatus) => all.find((each) => each.status === status);
  return of('Failed') ?? of('TimedOut') ?? of('Cancelled');
}

/** Events spell it with one l, the API with two: userguide/monitoring-systems-manager-event-examples.html */
function eventStatus(status: CommandStatus): string {
  return status === 'Cancelled' ? 'Canceled' : status;
}
