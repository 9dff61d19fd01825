import { randomUUID } from 'node:crypto';
import { type Account, arnOf } from '../base/account.ts';
import { AwsError, messageOf, UnservedError } from '../base/errors.ts';
import type { Activity } from '../base/journal.ts';

/** What a caller asks CloudFormation for. */
export interface StackRequest {
  readonly name: string;
  readonly template: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
}

/** What became of it. */
export interface PlayedStack {
  readonly outputs: Readonly<Record<string, string>>;
  /** Takes everything away that the stack made. */
  remove(): Promise<void>;
}

export type PlayStack = (request: StackRequest) => Promise<PlayedStack>;

export type StackStatus =
  | 'CREATE_IN_PROGRESS'
  | 'CREATE_COMPLETE'
  | 'ROLLBACK_COMPLETE'
  | 'DELETE_IN_PROGRESS'
  | 'DELETE_FAILED';

export interface StackRecord {
  readonly request: StackRequest;
  readonly id: string;
  readonly created: Date;
  status: StackStatus;
  reason: string | undefined;
  played: PlayedStack | undefined;
}

/** Stacks beside the service's own: the scenario makes and removes what is in them. */
export class PlayedStacks {
  play: PlayStack | undefined;
  readonly #account: Account;
  readonly #activity: Activity;
  readonly #stacks = new Map<string, StackRecord>();

  constructor(account: Account, activity: Activity) {
    this.#account = account;
    this.#activity = activity;
  }

  all(): readonly StackRecord[] {
    return [...this.#stacks.values()];
  }

  find(nameOrId: string): StackRecord | undefined {
    return this.#stacks.get(nameOrId) ?? this.all().find(({ id }) => id === nameOrId);
  }

  /** @throws AwsError when there is one of this name */
  create(request: StackRequest): StackRecord {
    const { play } = this;
    if (play === undefined)
      throw new UnservedError(
        'ValidationError',
        'the local cloud makes nothing of a template by itself: the scenario does, with cloud.playStacks',
      );
    if (this.#stacks.has(request.name))
      throw new AwsError('AlreadyExistsException', `Stack [${request.name}] already exists`);
    const record: StackRecord = {
      request,
      id: arnOf(this.#account, 'cloudformation', `stack/${request.name}/${randomUUID()}`),
      created: new Date(),
      status: 'CREATE_IN_PROGRESS',
      reason: undefined,
      played: undefined,
    };
    this.#stacks.set(request.name, record);
    this.#activity.start(`stack ${request.name}`, () => this.#make(record, play));
    return record;
  }

  /** Nothing for a stack that there is not, as on AWS. */
  delete(nameOrId: string): void {
    const record = this.find(nameOrId);
    if (record === undefined || record.status === 'DELETE_IN_PROGRESS') return;
    const creating = record.status === 'CREATE_IN_PROGRESS';
    record.status = 'DELETE_IN_PROGRESS';
    // What is being made is taken away once it is there
    if (!creating) this.#activity.start(`end of stack ${record.request.name}`, () => this.#remove(record));
  }

  async #make(record: StackRecord, play: PlayStack): Promise<void> {
    try {
      record.played = await play(record.request);
    } catch (error) {
      record.reason = messageOf(error);
    }
    if (record.status === 'DELETE_IN_PROGRESS') return this.#remove(record);
    record.status = record.played === undefined ? 'ROLLBACK_COMPLETE' : 'CREATE_COMPLETE';
  }

  async #remove(record: StackRecord): Promise<void> {
    try {
      await record.played?.remove();
      this.#stacks.delete(record.request.name);
    } catch (error) {
      record.status = 'DELETE_FAILED';
      record.reason = messageOf(error);
    }
  }
}
