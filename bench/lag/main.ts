// What `npm run bench -- lag` measures. Runs inside a sandbox; its one argument is JSON: the options, and what became of lsyncd.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { sandboxDirectory } from 'local-cloud/sandbox';
import { Presenter } from '../../tour/presenter.ts';
import type { LsyncdPackage } from '../lsyncd-package.ts';
import { Accounts } from '../meter.ts';
import { openTestbed, type Testbed } from '../testbed.ts';
import { Workload } from '../workload.ts';
import { lagsOf, type Written } from './arrivals.ts';
import type { LagOptions, LagTool } from './options.ts';
import { type LagRow, plotLags, replaceLags, rowOf, tableHead, tableRows } from './report.ts';
import { begin } from './tools.ts';
import { arrived, clearUploads, settled, steadily, watchArrivals, write } from './uploads.ts';

interface Input {
  readonly options: LagOptions;
  readonly lsyncd: LsyncdPackage;
}

const project = resolve(import.meta.dirname, '..', '..');
const { options, lsyncd }: Input = JSON.parse(process.argv[2] ?? '');
const presenter = new Presenter();
const accounts = new Accounts(sandboxDirectory());
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.on(signal, () => {
    accounts.close();
    process.exit(code);
  });
try {
  await bench();
} catch (error) {
  presenter.fail(error);
  process.exitCode = 1;
} finally {
  accounts.close();
}

async function bench(): Promise<void> {
  const { secondaries, files } = options;
  const room = Math.ceil(files * 1.1 * 5300) + 2 ** 30;
  const testbed = await presenter.step('start the hosts', () =>
    openTestbed({ projectDirectory: project, accounts, secondaries, diskBytes: room }),
  );
  const rows: LagRow[] = [];
  try {
    if (lsyncd.kind === 'unpacked')
      for (const name of ['bin', 'lib'])
        await testbed.primary.copyIn(join(lsyncd.directory, 'usr', name), `/usr/${name}`);
    const workload = new Workload({
      root: testbed.inSandbox(testbed.primary),
      files,
      fileBytes: 1024,
      owner: testbed.owner,
    });
    if (files > 0) await presenter.step(`make ${files} files on the primary`, () => workload.grow());
    for (const tool of options.tools)
      if (tool.startsWith('lsyncd') && lsyncd.kind === 'missing')
        presenter.note(`${tool}: not to be had: ${lsyncd.reason}`);
      else rows.push(...(await measureTool(tool, testbed)));
  } finally {
    await testbed.close();
  }
  presenter.table(tableHead, tableRows(rows));
  save(rows);
}

async function measureTool(tool: LagTool, testbed: Testbed): Promise<readonly LagRow[]> {
  const rows: LagRow[] = [];
  for (const rate of options.rates)
    rows.push(
      await presenter.step(`${tool}: ${rate} files a second, for ${options.seconds} s`, () =>
        measure(tool, rate, testbed, (written) =>
          steadily(rate, rate * options.seconds, (number) => write(testbed, number, written)),
        ),
      ),
    );
  if (options.burst > 0)
    rows.push(
      await presenter.step(`${tool}: ${options.burst} files at once`, () =>
        measure(tool, 0, testbed, async (written) => {
          for (let number = 0; number < options.burst; number += 1) write(testbed, number, written);
        }),
      ),
    );
  return rows;
}

async function measure(
  tool: LagTool,
  rate: number,
  testbed: Testbed,
  work: (written: Written) => Promise<void>,
): Promise<LagRow> {
  await clearUploads(testbed);
  const going = await begin(tool, testbed, testbed.secondaries.length);
  await settled(testbed);
  const arrivals = watchArrivals(testbed);
  const written: Written = new Map();
  try {
    const sample = await testbed.meter.measure(async () => {
      const began = performance.now();
      await work(written);
      await arrived(() => arrivals.every(({ at }) => at.size >= written.size));
      const seconds = (performance.now() - began) / 1000;
      await going.end();
      return seconds;
    });
    for (const each of arrivals) each.lookFor(written.keys());
    const lags = lagsOf(written, arrivals);
    const missing = written.size * arrivals.length - lags.length;
    return rowOf(tool, rate, lags, missing, sample);
  } finally {
    await going.end();
    for (const each of arrivals) each.close();
  }
}

function save(rows: readonly LagRow[]): void {
  const wrote = (path: string, text: string) => {
    writeFileSync(path, text);
    presenter.note(`wrote ${relative(project, path)}`);
  };
  // The distribution is for the plot
  const brief = rows.map(({ distribution: _, ...row }) => row);
  if (options.json !== undefined) wrote(options.json, `${JSON.stringify({ rows: brief }, undefined, 2)}\n`);
  const docs = join(project, 'docs');
  const directoryOfPlot = options.writeDocs ? docs : join(project, '.hostsync', 'bench');
  mkdirSync(directoryOfPlot, { recursive: true });
  rmSync(join(directoryOfPlot, 'performance-lag.svg'), { force: true });
  wrote(join(directoryOfPlot, 'performance-lag.svg'), plotLags(rows));
  if (!options.writeDocs) return;
  const path = join(docs, 'performance.md');
  wrote(path, replaceLags(readFileSync(path, 'utf8'), rows, options));
}
