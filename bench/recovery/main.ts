// What `npm run bench -- recovery` measures. Runs inside a sandbox; its one argument is JSON: the options.
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { Presenter } from '../../tour/presenter.ts';
import { RecoveryBench } from './measure.ts';
import type { RecoveryOptions } from './options.ts';
import { planRun, type RecoveryRun, replaceRecovery, summarize, tableHead, tableRows } from './report.ts';

const project = resolve(import.meta.dirname, '..', '..');
const options: RecoveryOptions = JSON.parse(process.argv[2] ?? '');
const presenter = new Presenter();
try {
  process.exitCode = await bench();
} catch (error) {
  presenter.fail(error);
  process.exitCode = 1;
}

async function bench(): Promise<number> {
  const { secondaries, files } = options;
  const measured: RecoveryRun[] = [];
  const recovery = await RecoveryBench.open(join(project, '.hostsync', 'package'));
  try {
    for (let index = 0; index < options.runs; index += 1) {
      const plan = planRun(index);
      const title = `run ${index + 1} of ${options.runs}: ${plan.kind}, ${plan.phase} s after a tick`;
      const run = await presenter.step(title, () => recovery.run({ ...plan, secondaries, files }));
      presenter.note(`complete after ${run.seconds.complete.toFixed(1)} s`);
      for (const line of run.differences.slice(0, 3)) presenter.note(`the new primary differs: ${line}`);
      measured.push(run);
      // What was measured is kept, whatever becomes of the next runs
      save(measured);
    }
  } finally {
    await recovery.close();
  }
  presenter.table(tableHead, tableRows(summarize(measured)));
  return measured.some(({ differences }) => differences.length > 0) ? 1 : 0;
}

function save(runs: readonly RecoveryRun[]): void {
  const { secondaries, files, json, writeDocs } = options;
  const date = new Date().toISOString().slice(0, 10);
  const result = { v: 1, date, secondaries, files, runs, summary: summarize(runs) };
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(result, undefined, 2)}\n`);
  if (runs.length < options.runs) return;
  if (json !== undefined) presenter.note(`wrote ${relative(project, json)}`);
  if (!writeDocs) return;
  const path = join(project, 'docs', 'performance.md');
  const conditions = `${date}; ${cpus().length} cores for all hosts together`;
  writeFileSync(path, replaceRecovery(readFileSync(path, 'utf8'), runs, options, conditions));
  presenter.note(`wrote ${relative(project, path)}`);
}
