import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../shared/aws/errors.ts';
import { readInvocation, sendTo, toObserved } from '../shared/aws/ssm.ts';
import type { HostAnswer, Known } from '../shared/core/operator/doctor-facts.ts';
import type { Session } from './session.ts';

/** What one host is asked. */
export interface Question {
  readonly instance: string;
  /** The name of an SSM document. */
  readonly document: string;
  readonly comment: string;
  readonly parameters: Readonly<Record<string, string[]>>;
}

/** Milliseconds between two questions on a command. */
const askPause = 500;
/** Hosts that are asked at the same time: SSM refuses more than some calls a second. */
const atOnce = 10;

/**
 * Asks hosts side by side, and waits for each answer. What fails for one host is its own answer, and stops no other.
 *
 * @param timeout seconds for one host
 */
export async function askHosts(
  session: Session,
  questions: readonly Question[],
  timeout: number,
): Promise<ReadonlyMap<string, Known<HostAnswer>>> {
  const answers = new Map<string, Known<HostAnswer>>(
    questions.map(({ instance }) => [instance, { known: false, reason: 'it was not asked' }]),
  );
  const waiting = [...questions];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      answers.set(next.instance, await ask(session, next, timeout));
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return answers;
}

async function ask(
  { clients: { ssm } }: Session,
  { instance, document, comment, parameters }: Question,
  timeout: number,
): Promise<Known<HostAnswer>> {
  try {
    const { command, askedAt } = await sendTo(ssm, document, instance, comment, parameters);
    const began = Date.now();
    for (;;) {
      await sleep(askPause);
      const elapsed = Date.now() - began;
      const found = await readInvocation(ssm, command, instance);
      const status = found === undefined ? 'under-way' : toObserved(command, instance, found.details).status;
      if (found !== undefined && status !== 'under-way') {
        const { details, output } = found;
        if (output === '')
          return { known: false, reason: `its command ended as ${details} and said nothing` };
        return { known: true, value: { output, askedAt, answeredAt: askedAt + elapsed } };
      }
      if (elapsed > timeout * 1000)
        return { known: false, reason: `it has not answered within ${timeout} s (command ${command})` };
    }
  } catch (error) {
    return { known: false, reason: describeError(error) };
  }
}
