import { TagWriter } from '../shared/aws/tags.ts';
import type { ActionOptions } from './options.ts';
import { awsLine, type TagChange } from './output/aws-line.ts';
import type { Session } from './session.ts';

/** What a command is going to do. */
export interface Change {
  readonly title: string;
  /** What happens, step by step, in the order in which it happens. */
  readonly steps: readonly string[];
  /** What a person should know before saying yes. */
  readonly warnings: readonly string[];
  readonly tags: readonly TagChange[];
  /** Shown with the others, and left to the caller: what has to wait for something else. */
  readonly later?: readonly TagChange[];
  /** Asked instead of yes or no: the answer has to be these words. */
  readonly typed?: { readonly question: string; readonly answer: string };
}

/**
 * Shows the plan, asks, and sets the tags.
 *
 * @returns false where nothing was done: a dry run, or the answer was no
 * @throws {UsageError} where nobody can be asked
 */
export async function makeChange(session: Session, options: ActionOptions, change: Change): Promise<boolean> {
  const { terminal, deployment } = session;
  terminal.print(terminal.style('bold', change.title));
  for (const [index, step] of change.steps.entries()) terminal.print(`  ${index + 1}  ${step}`);
  for (const warning of change.warnings) terminal.print(`${terminal.symbol('behind')} ${warning}`);
  const where = { region: deployment.region, profile: options.profile };
  for (const tags of [...change.tags, ...(change.later ?? [])])
    terminal.print(terminal.style('dim', `Same with aws: ${awsLine(tags, where)}`));
  if (options.dryRun === true) {
    terminal.print('Nothing was changed (--dry-run).');
    return false;
  }
  if (options.yes !== true && !(await isWanted(session, change))) {
    terminal.say('Nothing was changed.');
    return false;
  }
  await writeTags(session, change.tags);
  return true;
}

export async function writeTags(session: Session, changes: readonly TagChange[]): Promise<void> {
  session.didWrite = true;
  const writer = new TagWriter(session.clients.ec2);
  for (const { instances, set, remove } of changes) {
    await writer.write(instances, set);
    for (const instance of instances) await writer.remove(instance, remove);
  }
}

async function isWanted({ terminal }: Session, { typed }: Change): Promise<boolean> {
  if (typed === undefined) return terminal.confirm('Go on?');
  return (await terminal.ask(typed.question)) === typed.answer;
}
