import { doctorExitCode, type Finding } from '../../shared/core/operator/doctor-facts.ts';
import { findInDeployment } from '../../shared/core/operator/find-in-deployment.ts';
import { findInGroup } from '../../shared/core/operator/find-in-group.ts';
import { gatherDeployment } from '../doctor/gather-deployment.ts';
import { gatherGroup } from '../doctor/gather-group.ts';
import type { CommonOptions } from '../options.ts';
import { tsvLine, wrap } from '../output/table.ts';
import { chooseGroup, type Session } from '../session.ts';
import type { SymbolName, Terminal } from '../terminal.ts';

export interface DoctorOptions extends CommonOptions {
  readonly group?: string;
  readonly all?: boolean;
}

/** A finding, and the group that it is about: null for the deployment. */
type Found = Finding & { readonly group: string | null };

/** @returns 0 without findings, 1 with warnings or what is not known, 2 with errors */
export async function doctor(session: Session, options: DoctorOptions): Promise<number> {
  const start = Date.now();
  const names = [...(await session.groups()).keys()];
  const groups =
    options.group === undefined ? names : [chooseGroup(options.group, names, session.deployment.region)];
  const found: Found[] = findInDeployment(await gatherDeployment(session)).map((each) => ({
    ...each,
    group: null,
  }));
  for (const group of groups)
    found.push(...findInGroup(await gatherGroup(session, group)).map((each) => ({ ...each, group })));
  print(session, options, found, groups, (Date.now() - start) / 1000);
  return doctorExitCode(found);
}

function print(
  { terminal }: Session,
  options: DoctorOptions,
  found: readonly Found[],
  groups: readonly string[],
  seconds: number,
): void {
  if (options.output === 'json') {
    terminal.print(JSON.stringify(found, undefined, 2));
    return;
  }
  if (options.output === 'tsv') {
    for (const { group, check, level, subject, what, mend } of found)
      terminal.print(tsvLine([group, check, level, subject, what, mend]));
    return;
  }
  const about = groups.length === 0 ? 'no groups' : groups.join(', ');
  terminal.print(
    `${terminal.style('bold', about)}  checked ${found.length} things in ${seconds.toFixed(0)} s`,
  );
  const order: readonly Finding['level'][] = [
    'error',
    'warning',
    'unknown',
    ...(options.all === true ? (['ok'] as const) : []),
  ];
  for (const level of order)
    for (const each of found.filter((finding) => finding.level === level))
      for (const line of findingLines(each, terminal)) terminal.print(line);
  const passed = found.filter(({ level }) => level === 'ok').length;
  const more = options.all === true ? '' : terminal.style('dim', '  (--all lists them)');
  terminal.print('');
  terminal.print(`${terminal.symbol('ok')} ${passed} checks passed${more}`);
}

const symbolOf: Readonly<Record<Finding['level'], SymbolName>> = {
  ok: 'ok',
  unknown: 'unknown',
  warning: 'behind',
  error: 'attention',
};

function findingLines(
  { level, check, subject, what, why, mend }: Found,
  terminal: Terminal,
): readonly string[] {
  const width = Math.min(terminal.options.columns, 100);
  const symbol = `${terminal.symbol(symbolOf[level])} `;
  if (level === 'ok' || level === 'unknown')
    return [`${symbol}${check}${subject === null ? '' : ` ${subject}`}: ${what}`];
  return [
    '',
    ...wrap(what, width, symbol),
    ...(why === null ? [] : wrap(why, width, '  Why it matters: ')),
    // Not wrapped: it is there to be copied
    ...(mend === null ? [] : [`  Mend: ${mend}`]),
  ];
}
