import { diagnose } from '../../shared/core/operator/doctor.ts';
import type { Diagnosis, Finding } from '../../shared/core/operator/doctor-facts.ts';
import type { Context } from '../connect.ts';
import { gatherFacts } from '../doctor/gather.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { chooseGroup, observe } from '../observe.ts';
import { counted } from '../render/duration.ts';
import type { Look, Style } from '../terminal.ts';

export async function doctor(
  context: Context,
  given: string | undefined,
  { output, all }: { readonly output: 'table' | 'json'; readonly all: boolean },
): Promise<ExitCode> {
  const group = await chooseGroup(context, given);
  const diagnosis = diagnose(await gatherFacts(context, await observe(context, group)));
  context.terminal.out(
    output === 'json'
      ? JSON.stringify({ group, ...diagnosis }, undefined, 2)
      : renderDiagnosis(group, diagnosis, context.terminal.look, all),
  );
  return exitCodeOf(diagnosis.findings);
}

/** What is not known is no finding, and no reason to trust either: it is a warning. */
export function exitCodeOf(findings: readonly Pick<Finding, 'level'>[]): ExitCode {
  if (findings.some(({ level }) => level === 'error')) return exitCodes.attention;
  return findings.length > 0 ? exitCodes.behind : exitCodes.ok;
}

export function renderDiagnosis(
  group: string,
  { findings, passed }: Diagnosis,
  { style, symbol }: Look,
  all: boolean,
): string {
  const marks: Readonly<Record<Finding['level'], readonly [string, Style]>> = {
    error: [symbol('attention'), 'red'],
    warning: [symbol('behind'), 'yellow'],
    unknown: ['?', 'yellow'],
  };
  const lines = findings.flatMap(({ level, what, why, mend }) => {
    const [mark, color] = marks[level];
    return [
      ...['', `${style(color, mark)} ${style('bold', what)}`, `  Why it matters: ${why}`],
      `  Mend: ${mend}`,
    ];
  });
  const names = all || findings.length === 0 ? `: ${passed.join(', ')}` : style('dim', ' (--all lists them)');
  return [
    `${style('bold', group)}  ${counted(findings.length, 'finding')}`,
    ...lines,
    '',
    `${style('green', symbol('ok'))} ${counted(passed.length, 'check')} passed${names}`,
  ].join('\n');
}
