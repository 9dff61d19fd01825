// What `npm run bench -- lag` measures. Runs inside a sandbox; its one argument is JSON: the options, and what became of lsyncd.
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sandboxDirectory } from 'local-cloud/sandbox';
import { Presenter } from '../../tour/presenter.ts';
import type { LsyncdPackage } from '../lsyncd-package.ts';
import { Accounts } from '../meter.ts';
import { must, openTestbed, type Testbed, uploads } from '../testbed.ts';
import { Workload } from '../workload.ts';
import { Arrivals, lagsOf, type Written } from './arrivals.ts';
import type { LagOptions, LagTool } from './options.ts';
import { type LagRow, plotLags, replaceLags, rowOf, tableHead, tableRows } from './report.ts';
import { begin } from './tools.ts';

interface Input {
  readonly options: LagOptions;
  readonly lsyncd: LsyncdPackage;
}

const project = resolve(import.meta.dirname, '..', '..');
const content = Buffer.alloc(20_000, 'upload ');
const directory = 'lag';
/** Seconds in which what was written last must arrive: longer than from one tick to the next. */
const patience = 90;

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
        measure(tool, rate, testbed, (written) => writeSteadily(testbed, rate, written)),
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
  const hosts = [testbed.primary, ...testbed.secondaries];
  for (const host of hosts)
    await must(
      host,
      `rm -rf ${uploads}/${directory}; install -d -o www-data -g www-data ${uploads}/${directory}`,
    );
  const going = await begin(tool, testbed, testbed.secondaries.length);
  await settled(testbed);
  const arrivals = testbed.secondaries.map(
    (host) => new Arrivals(join(testbed.inSandbox(host), directory), content.length),
  );
  const written: Written = new Map();
  try {
    const sample = await testbed.meter.measure(async () => {
      const began = performance.now();
      await work(written);
      const deadline = Date.now() + patience * 1000;
      while (arrivals.some(({ at }) => at.size < written.size) && Date.now() < deadline) await sleep(50);
      const seconds = (performance.now() - began) / 1000;
      await going.end();
      return seconds;
    });
    const lags = lagsOf(written, arrivals);
    const missing = written.size * arrivals.length - lags.length;
    return rowOf(tool, rate, lags, missing, sample);
  } finally {
    await going.end();
    for (const each of arrivals) each.close();
  }
}

/** A first file arrives: the tool has begun, and has compared what was there before. */
async function settled(testbed: Testbed): Promise<void> {
  const name = `begun-${Date.now()}`;
  writeFileSync(join(testbed.inSandbox(testbed.primary), directory, name), '');
  const there = testbed.secondaries.map((host) => join(testbed.inSandbox(host), directory, name));
  const isThere = (path: string) => {
    try {
      readFileSync(path);
      return true;
    } catch {
      return false;
    }
  };
  const deadline = Date.now() + 10 * patience * 1000;
  while (!there.every(isThere)) {
    if (Date.now() > deadline) throw new Error('the tool does not begin');
    await sleep(50);
  }
}

async function writeSteadily(testbed: Testbed, rate: number, written: Written): Promise<void> {
  const began = performance.now();
  const count = rate * options.seconds;
  for (let number = 0; number < count; number += 1) {
    const ahead = (number * 1000) / rate - (performance.now() - began);
    if (ahead > 0) await sleep(ahead);
    write(testbed, number, written);
  }
}

/** As the web server writes an upload. */
function write(testbed: Testbed, number: number, written: Written): void {
  const name = `upload-${String(number).padStart(6, '0')}`;
  const file = openSync(join(testbed.inSandbox(testbed.primary), directory, name), 'w');
  writeSync(file, content);
  closeSync(file);
  written.set(name, Date.now());
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
