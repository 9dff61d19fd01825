import type { Iam } from './iam.ts';
import type { Journal } from './journal.ts';
import type { Caller } from './registry.ts';
import type { Sns } from './sns.ts';

/** A message in a queue of the stack. */
export interface QueueMessage {
  readonly at: Date;
  readonly queueArn: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Where Lambda sends what became of an event: queues and topics, in the role of the function. */
export class Destinations {
  readonly queueMessages: QueueMessage[] = [];
  readonly #queues: ReadonlySet<string>;
  readonly #sns: Sns;
  readonly #iam: Iam;
  readonly #journal: Journal;

  constructor(queueArns: readonly string[], sns: Sns, iam: Iam, journal: Journal) {
    this.#queues = new Set(queueArns);
    this.#sns = sns;
    this.#iam = iam;
    this.#journal = journal;
  }

  /** Delivers, or records as a problem that it may not or cannot. */
  async deliver(
    arn: string,
    caller: Caller,
    body: string,
    attributes: Readonly<Record<string, string>>,
  ): Promise<void> {
    const isQueue = arn.includes(':sqs:');
    const action = isQueue ? 'sqs:SendMessage' : 'sns:Publish';
    const denial = await this.#iam.firstDenial(caller, [{ action, resource: arn, context: {} }]);
    if (denial !== undefined) {
      this.#journal.problem('denied', denial.message);
    } else if (isQueue && this.#queues.has(arn)) {
      this.queueMessages.push({ at: new Date(), queueArn: arn, body, attributes });
    } else if (arn.includes(':sns:')) {
      this.#sns.publish({
        topicArn: arn,
        subject: undefined,
        message: body,
        attributes,
        publisher: caller.name,
      });
    } else {
      this.#journal.problem(
        'unserved',
        `the local cloud cannot deliver to ${arn}; see local/aws/destinations.ts`,
      );
    }
  }
}
