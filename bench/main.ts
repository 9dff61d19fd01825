// What `npm run bench` measures. Runs inside a sandbox; its one argument is JSON: the options, and what became of lsyncd.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { sandboxDirectory } from 'local-cloud/sandbox';
import { Presenter } from '../tour/presenter.ts';
import type { LsyncdPackage } from './lsyncd-package.ts';
import { Accounts, BenchError, type Sample } from './meter.ts';
import type { BenchOptions, CaseName, ToolName } from './options.ts';
import {
  type BenchRun,
  type CaseResult,
  type Conditions,
  count,
  describeConditions,
  describeCrossCheck,
  evaluateTargets,
  medianSample,
  plots,
  replacePlots,
  replaceRun,
  resultHead,
  resultRows,
  type SweepPoint,
  secondariesText,
  showBytes,
  showSeconds,
  targetHead,
  targetRows,
} from './report.ts';
import { must, openTestbed, type Testbed, uploads } from './testbed.ts';
import { openTool, type Tool, toolTitles } from './tools.ts';
import { type Change, Workload } from './workload.ts';

export interface BenchInput {
  readonly options: BenchOptions;
  readonly lsyncd: LsyncdPackage;
}

const project = resolve(import.meta.dirname, '..');
const sweepSecondaries = [1, 2, 5, 10];
const sweepShares = [1 / 8, 1 / 4, 1 / 2, 1];
/** What takes longer is not repeated. */
const longSeconds = 30;
const input: BenchInput = JSON.parse(process.argv[2] ?? '');
const firstSync = 'first sync';
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
  process.exitCode = await bench(input);
} catch (error) {
  presenter.fail(error);
  process.exitCode = 1;
} finally {
  accounts.close();
}

async function bench({ options, lsyncd }: BenchInput): Promise<number> {
  const room = diskBytes(options);
  checkMemory(options, room);
  const testbed = await openBenchTestbed(options.secondaries, room);
  let run: BenchRun;
  try {
    if (lsyncd.kind === 'unpacked')
      for (const name of ['bin', 'lib'])
        await testbed.primary.copyIn(join(lsyncd.directory, 'usr', name), `/usr/${name}`);
    const workload = await makeWorkload(testbed, options);
    await presenter.step(`make ${count(options.files)} files on the primary`, () => workload.grow());
    const find = await measureFind(testbed, options.repeat);
    const results: CaseResult[] = [];
    for (const name of options.tools) {
      if (name === 'lsyncd' && lsyncd.kind === 'missing')
        for (const caseName of options.cases) {
          const title = caseName === 'first' ? firstSync : workload.change(caseName).title;
          results.push(failed(name, caseName, title, `not to be had: ${lsyncd.reason}`));
        }
      else results.push(...(await measureTool(name, testbed, workload, options)));
    }
    const { fileBytes, files, flat, secondaries, repeat } = options;
    const conditions = await readConditions(testbed, lsyncd);
    run = { v: 1, conditions, files, secondaries, fileBytes, flat, repeat, find, results, sweep: [] };
  } finally {
    await testbed.close();
  }
  if (options.plot) run = { ...run, sweep: await sweep(options, room) };
  show(run);
  save(run, options);
  const isWrong = ({ tool, failure, differences }: CaseResult) =>
    differences.length > 0 || (failure !== undefined && !(tool === 'lsyncd' && lsyncd.kind === 'missing'));
  return run.results.some(isWrong) ? 1 : 0;
}

async function openBenchTestbed(secondaries: number, bytes: number): Promise<Testbed> {
  return presenter.step(`start a primary and ${secondariesText(secondaries)}`, () =>
    openTestbed({ projectDirectory: project, accounts, secondaries, diskBytes: bytes }),
  );
}

async function makeWorkload(testbed: Testbed, { files, fileBytes, flat }: BenchOptions): Promise<Workload> {
  return new Workload({
    root: testbed.inSandbox(testbed.primary),
    files,
    fileBytes,
    flat,
    owner: testbed.owner,
  });
}

/** All trees are in memory (tmpfs): an inode and whole pages a file. Twice the files of a renamed directory are there for a moment. */
function diskBytes({ files, fileBytes }: BenchOptions): number {
  const pages = fileBytes === undefined ? 3.1 : Math.ceil(fileBytes / 4096);
  return Math.ceil(files * 1.1 * (1200 + 4096 * pages)) + 2 ** 28;
}

function checkMemory({ secondaries, plot }: BenchOptions, bytes: number): void {
  const hosts = 1 + Math.max(secondaries, ...(plot ? sweepSecondaries : []));
  const available =
    Number(/^MemAvailable: +(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) * 1024;
  if (hosts * bytes > 0.9 * available)
    throw new BenchError(
      `${hosts} hosts with these files need ${showBytes(hosts * bytes)} of memory, and ${showBytes(available)} are free: ` +
        'take fewer --files or --secondaries, or --file-bytes 0',
    );
}

/** The least that anything must do that looks for changes without being told: read all metadata once. */
async function measureFind(testbed: Testbed, repeat: number): Promise<Sample> {
  const argv = ['find', uploads, '-printf', '%p %y %m %U %G %s %T@ %C@\\0'];
  const find = () => testbed.meter.measure(() => testbed.run(argv));
  return presenter.step('one plain find over it', async () => {
    await find(); // for a warm cache
    const samples: Sample[] = [];
    for (let turn = 0; turn < repeat; turn += 1) samples.push(await find());
    return medianSample(samples);
  });
}

async function measureTool(
  name: ToolName,
  testbed: Testbed,
  workload: Workload,
  options: BenchOptions,
): Promise<readonly CaseResult[]> {
  const tool = openTool(name, testbed, options.secondaries);
  const results: CaseResult[] = [];
  let begun: readonly [CaseName, string] = ['first', firstSync];
  let broken = async () => {};
  try {
    const samples: Sample[] = [];
    const measured = options.cases.includes('first');
    await presenter.step(`${tool.title}: first sync`, async () => {
      for (let turn = 0; turn < (measured ? options.repeat : 1); turn += 1) {
        await tool.end();
        await testbed.clear();
        samples.push(await tool.first());
      }
    });
    if (measured)
      results.push({ ...label(name, ...begun), samples, differences: await compare(testbed, tool) });
    // It keeps a state between two runs, and in the long run it has met its files twice
    if (name === 'push') await tool.sync(async () => {}, false);
    for (const caseName of options.cases) {
      if (caseName === 'first') continue;
      const change = workload.change(caseName);
      begun = [caseName, change.title];
      const [samples, differences] = await presenter.step(`${tool.title}: ${change.title}`, () =>
        measureCase(tool, caseName, change, options.repeat, testbed, (undo) => {
          broken = undo;
        }),
      );
      results.push({ ...label(name, ...begun), samples, differences });
    }
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    presenter.note(error.message);
    results.push(failed(name, ...begun, error.message));
  } finally {
    await tool.end();
    await broken();
  }
  return results;
}

/** @param leave told how to take back what is changed at the moment, for the next tool, should this one fail */
async function measureCase(
  tool: Tool,
  name: CaseName,
  change: Change,
  repeat: number,
  testbed: Testbed,
  leave: (undo: () => Promise<void>) => void,
): Promise<readonly [readonly Sample[], readonly string[]]> {
  const verified = name === 'verified';
  const expected = name !== 'nothing' && !verified;
  const samples: Sample[] = [];
  let differences: readonly string[] = [];
  for (let turn = 0; turn < repeat; turn += 1) {
    leave(change.undo);
    const sample = verified ? await tool.verify() : await tool.sync(change.apply, expected);
    samples.push(sample);
    const last = turn === repeat - 1 || sample.wallSeconds > longSeconds;
    if (last) differences = await compare(testbed, tool);
    leave(async () => {});
    if (expected) await tool.undo(change.undo);
    if (last) break;
  }
  return [samples, differences];
}

/** Beside the measures, so that a tool that leaves something out is found out. */
async function compare(testbed: Testbed, tool: Tool) {
  const differences = await testbed.differences(testbed.secondaries.length);
  for (const line of differences.slice(0, 3)) presenter.note(`${tool.title} differs: ${line}`);
  return differences;
}

function label(tool: ToolName, name: CaseName, title: string) {
  return { tool, toolTitle: toolTitles[tool], case: name, title };
}

function failed(tool: ToolName, name: CaseName, title: string, failure: string): CaseResult {
  return { ...label(tool, name, title), failure, samples: [], differences: [] };
}

/** Nothing changed, over the number of files, then over the number of secondaries. lsyncd does nothing then, and has no line. */
async function sweep(options: BenchOptions, room: number): Promise<readonly SweepPoint[]> {
  const testbed = await openBenchTestbed(Math.max(options.secondaries, ...sweepSecondaries), room);
  try {
    // push first: who is first brings the files, and push has to know of that
    const names = (['push', 'cron', 'parallel'] as const).filter((name) => options.tools.includes(name));
    const [first] = names;
    if (first === undefined) return [];
    const workload = await makeWorkload(testbed, options);
    const points: SweepPoint[] = [];
    const measure = async (over: SweepPoint['over'], files: number, secondaries: number) => {
      const settle = openTool(first, testbed, secondaries);
      await settle.sync(async () => {}, true);
      await settle.sync(async () => {}, false);
      for (const tool of names) {
        const opened = openTool(tool, testbed, secondaries);
        const samples: Sample[] = [];
        for (let turn = 0; turn < options.repeat; turn += 1)
          samples.push(await opened.sync(async () => {}, false));
        points.push({ over, tool, files, secondaries, median: medianSample(samples) });
      }
    };
    for (const share of sweepShares) {
      const files = Math.round(options.files * share);
      await presenter.step(
        `nothing changed: ${count(files)} files, ${secondariesText(options.secondaries)}`,
        () => workload.grow(files).then(() => measure('files', files, options.secondaries)),
      );
    }
    for (const secondaries of sweepSecondaries)
      await presenter.step(
        `nothing changed: ${count(options.files)} files, ${secondariesText(secondaries)}`,
        () => measure('secondaries', options.files, secondaries),
      );
    const differences = await presenter.step('compare the trees', () =>
      testbed.differences(Math.max(...sweepSecondaries)),
    );
    if (differences.length > 0) throw new BenchError(`the trees differ: ${differences[0]}`);
    return points;
  } finally {
    await testbed.close();
  }
}

async function readConditions({ primary }: Testbed, lsyncd: LsyncdPackage): Promise<Conditions> {
  const first = async (command: string) => (await must(primary, command)).split('\n')[0]?.trim() ?? '';
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: cpus()[0]?.model.trim() ?? 'unknown CPU',
    cores: cpus().length,
    memoryBytes: totalmem(),
    kernel: release(),
    system: await first('. /etc/os-release; echo "$PRETTY_NAME"'),
    fileSystem: `${await first(`findmnt -no FSTYPE -T ${uploads}`)} (memory)`,
    rsync: (await first('rsync --version')).replace(/^rsync +version (\S+).*$/, '$1'),
    openssh: (await first('ssh -V 2>&1')).replace(/,.*$/, ''),
    lsyncd:
      lsyncd.kind === 'missing'
        ? `not to be had (${lsyncd.reason})`
        : (await first('lsyncd --version')).replace(/^Version: /, ''),
  };
}

function show(run: BenchRun): void {
  presenter.say(`${count(run.files)} files, ${secondariesText(run.secondaries)}. ${describeConditions(run)}`);
  presenter.note(`one plain find that reads the same metadata: ${showSeconds(run.find.wallSeconds)} s`);
  presenter.note(describeCrossCheck(run));
  for (const [name, title] of new Map(run.results.map((result) => [result.case, result.title]))) {
    presenter.say(title);
    presenter.table(resultHead, resultRows(run, name));
  }
  presenter.table(targetHead, targetRows(evaluateTargets(run)));
}

function save(run: BenchRun, options: BenchOptions): void {
  const wrote = (path: string, text: string) => {
    writeFileSync(path, text);
    presenter.note(`wrote ${relative(project, path)}`);
  };
  if (options.json !== undefined)
    wrote(options.json, `${JSON.stringify({ ...run, targets: evaluateTargets(run) }, undefined, 2)}\n`);
  const docs = join(project, 'docs');
  const directory = options.writeDocs ? docs : join(project, '.hostsync', 'bench');
  mkdirSync(directory, { recursive: true });
  const drawn = plots(run);
  for (const { file, svg } of drawn) wrote(join(directory, file), svg);
  if (!options.writeDocs) return;
  const path = join(docs, 'performance.md');
  const document = replaceRun(readFileSync(path, 'utf8'), run);
  wrote(path, drawn.length > 0 ? replacePlots(document, run) : document);
}
