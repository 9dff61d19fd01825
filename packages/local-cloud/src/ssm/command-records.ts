import type { CommandDocument, ParameterValues } from './document.ts';

export type CommandStatus =
  | 'Pending'
  /** of an invocation alone */
  | 'Delayed'
  | 'InProgress'
  | 'Success'
  | 'Cancelled'
  | 'Failed'
  | 'TimedOut'
  | 'Cancelling';

/** A step of an invocation, with its output cut as SSM cuts it. */
export interface StepRecord {
  readonly name: string;
  status: CommandStatus;
  statusDetails: string;
  /** the exit code; -1 before the end */
  responseCode: number;
  startedAt: Date | undefined;
  endedAt: Date | undefined;
  stdout: string;
  stderr: string;
  listedOutput: string;
}

/** A command on one instance. */
export interface CommandInvocationRecord {
  readonly instanceId: string;
  status: CommandStatus;
  statusDetails: string;
  /** what the agent says of the document as a whole */
  traceOutput: string;
  readonly steps: StepRecord[];
}

export interface CommandRecord {
  readonly id: string;
  /** the logical id of the document in the template */
  readonly document: string;
  readonly documentName: string;
  /** as the caller gave it: a name or an ARN */
  readonly givenDocumentName: string;
  readonly parameters: ParameterValues;
  readonly comment: string;
  readonly caller: string;
  readonly requestedAt: Date;
  readonly timeoutSeconds: number;
  readonly expiresAfter: Date;
  readonly maxConcurrency: string;
  readonly maxErrors: string;
  readonly targets: readonly { readonly Key: string; readonly Values: readonly string[] }[];
  status: CommandStatus;
  statusDetails: string;
  /** instances on which it was cancelled */
  readonly cancelled: Set<string>;
  readonly invocations: CommandInvocationRecord[];
}

const terminal: ReadonlySet<CommandStatus> = new Set(['Success', 'Cancelled', 'Failed', 'TimedOut']);

export function isTerminal(status: CommandStatus): boolean {
  return terminal.has(status);
}

export function pendingInvocation(instanceId: string, document: CommandDocument): CommandInvocationRecord {
  return {
    instanceId,
    status: 'Pending',
    statusDetails: 'Pending',
    traceOutput: '',
    steps: document.steps.map(({ name }) => ({
      name,
      status: 'Pending',
      statusDetails: 'Pending',
      responseCode: -1,
      startedAt: undefined,
      endedAt: undefined,
      stdout: '',
      stderr: '',
      listedOutput: '',
    })),
  };
}
