import { TagWriter } from '../shared/aws/tags.ts';
import type { Change, Refused, TagChange } from '../shared/core/operator/change.ts';
import type { Context } from './connect.ts';
import type { Place } from './environment.ts';
import { exitCodes } from './exit-codes.ts';
import { Failure } from './failure.ts';

export interface ChangeOptions {
  readonly yes: boolean;
  readonly dryRun: boolean;
}

/**
 * Shows what would follow, asks, and sets the tags.
 *
 * @param title what is changed, as a heading
 * @param answer what a person has to type; `y` unless given
 * @returns whether anything was changed
 * @throws {Failure} where it is refused, and where nobody is there to be asked
 */
export async function carryOutChange(
  context: Context,
  title: string,
  change: Change | Refused,
  { yes, dryRun }: ChangeOptions,
  answer?: { readonly text: string; readonly question: string },
): Promise<boolean> {
  if (change.kind === 'refused')
    throw new Failure(`${title}: refused: ${change.reason}`, {
      ...{ exitCode: exitCodes.behind, advice: change.instead },
    });
  const { terminal, clients } = context;
  const { style } = terminal.errorLook;
  const steps = change.steps.map((step, index) => `  ${index + 1}  ${step}`);
  const changes: readonly TagChange[] = [change, ...(change.also ?? [])];
  const place = { ...context.place, region: context.region };
  const lines = changes.flatMap((each) => awsLines(each, place));
  terminal.say(
    [
      ...[style('bold', `Plan: ${title}`), ...steps, ...change.impact],
      ...lines.map((line) => style('dim', `Same with aws: ${line}`)),
    ].join('\n'),
  );
  if (dryRun) return false;
  if (!yes && !(await isAgreed(context, answer))) {
    terminal.say('Nothing was changed.');
    return false;
  }
  const writer = new TagWriter(clients.ec2);
  for (const { instance, set, remove } of changes) {
    await writer.write([instance], set);
    await writer.remove(instance, remove);
  }
  return true;
}

async function isAgreed(
  { terminal }: Context,
  answer: { readonly text: string; readonly question: string } | undefined,
): Promise<boolean> {
  if (!terminal.isInteractive)
    throw new Failure('Nothing was changed: nobody is there to be asked.', {
      exitCode: exitCodes.usage,
      advice: ['Add --yes to go on without a question.'],
    });
  if (answer !== undefined) return (await terminal.ask(`${answer.question} `)) === answer.text;
  return /^y(?:es)?$/iu.test(await terminal.ask('Go on? [y/N] '));
}

/** What the AWS CLI would be given to do the same. */
export function awsLines(
  { instance, set, remove }: TagChange,
  { profile, region, endpoint }: Place,
): readonly string[] {
  const where = [
    ...(region === undefined ? [] : [`--region ${region}`]),
    ...(profile === undefined ? [] : [`--profile ${quote(profile)}`]),
    ...(endpoint === undefined ? [] : [`--endpoint-url ${quote(endpoint)}`]),
  ];
  // The shorthand of the AWS CLI takes a comma for the end of a value, unless that is in quotes
  const created = Object.entries(set).map(([key, value]) => quote(`Key=${key},Value=${shorthand(value)}`));
  const deleted = remove.map((key) => `Key=${key}`);
  const line = (verb: string, tags: readonly string[]) =>
    tags.length === 0
      ? []
      : [['aws ec2', verb, ...where, '--resources', instance, '--tags', ...tags].join(' ')];
  return [...line('create-tags', created), ...line('delete-tags', deleted)];
}

function shorthand(value: string): string {
  return /^[\w./:@-]*$/u.test(value) ? value : `"${value.replaceAll(/["\\]/gu, (each) => `\\${each}`)}"`;
}

/** For a shell. */
function quote(text: string): string {
  return /^[\w./:=,@-]+$/u.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
