// The program of `npm run bench -- control`. The only argument is JSON: the options.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { Presenter } from '../../tour/presenter.ts';
import { BenchError } from '../meter.ts';
import { checkOut, firstEdition } from './edition.ts';
import { type MeasureOptions, measureTick } from './measure.ts';
import type { ControlOptions } from './options.ts';
import {
  type ControlResult,
  callHead,
  callRows,
  compare,
  type FirstEdition,
  ratioRow,
  summaryHead,
  summaryRow,
  type TickMeasure,
} from './summary.ts';

const project = resolve(import.meta.dirname, '..', '..');
const output = join(project, '.hostsync', 'bench', 'control');
const callMilliseconds = 60;
const presenter = new Presenter();
const stop = new AbortController();
let signalled = 0;
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.on(signal, () => {
    signalled = code;
    stop.abort();
  });
try {
  const options: ControlOptions = JSON.parse(process.argv[2] ?? '');
  process.exitCode = await bench(options);
} catch (error) {
  if (signalled === 0) presenter.fail(error);
  process.exitCode = signalled === 0 ? 1 : signalled;
}

async function bench({ groups, hosts, memoryMiB, json }: ControlOptions): Promise<number> {
  rmSync(output, { recursive: true, force: true });
  const common = { groups, hosts, memoryMiB, callMilliseconds, signal: stop.signal };
  const fleet = `${groups} groups of ${hosts} hosts`;
  const now = await presenter.step(`one tick for ${fleet}`, () =>
    measure({ ...common, project, output: join(output, 'now') }),
  );
  const first = await presenter.step(`the same with the first edition (${firstEdition})`, () =>
    measureFirst({ ...common, project, output: join(output, 'first-edition') }),
  );
  const result: ControlResult = {
    v: 1,
    callMilliseconds,
    ...now,
    firstEdition: { commit: firstEdition, ...first },
    ratio: 'missing' in first ? null : compare(now, first),
  };
  show(result);
  if (json !== undefined) {
    writeFileSync(json, `${JSON.stringify(result, undefined, 2)}\n`);
    presenter.note(`wrote ${relative(project, json)}`);
  }
  const unserved = [...now.unserved, ...('missing' in first ? [] : first.unserved)];
  for (const each of new Set(unserved)) presenter.say(`NOT SERVED, so the figures are wrong: ${each}`);
  return unserved.length > 0 ? 1 : 0;
}

async function measure(options: MeasureOptions): Promise<TickMeasure> {
  mkdirSync(options.output, { recursive: true });
  return measureTick(options);
}

async function measureFirst(options: MeasureOptions): Promise<FirstEdition> {
  const source = join(options.output, 'source');
  try {
    await checkOut(options.project, firstEdition, source);
    return await measure({ ...options, project: source });
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    return { missing: error.message };
  } finally {
    for (const each of [source, `${source}.tar`]) rmSync(each, { recursive: true, force: true });
  }
}

function show(result: ControlResult): void {
  const { firstEdition: first, ratio } = result;
  const rows = [summaryRow('now', result)];
  if (!('missing' in first)) rows.push(summaryRow('first edition', first));
  if (ratio !== null) rows.push(ratioRow(ratio));
  presenter.table(summaryHead, rows);
  presenter.table(callHead, callRows(result, first));
  if ('missing' in first) presenter.note(`no first edition: ${first.missing}`);
  describe('now', result);
  if (!('missing' in first)) describe('first edition', first);
  presenter.note(`logs: ${relative(project, output)}`);
}

function describe(title: string, { cores, cap, otherCpuSeconds, late, message }: TickMeasure): void {
  const held = cap === 'quota' ? 'held to' : 'scaled, as it cannot be held here, to';
  presenter.note(
    `${title}: ${held} ${cores} cores; others used ${otherCpuSeconds} s of CPU meanwhile; answers came ${late.mean} ms late on average, ${late.most} ms at most`,
  );
  if (message !== undefined) presenter.note(`${title}: ${message.slice(0, 300)}`);
}
