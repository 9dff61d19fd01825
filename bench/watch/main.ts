// What `npm run bench -- watch` measures. Runs inside a sandbox; its one argument is JSON: the options.
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { sandboxDirectory } from 'local-cloud/sandbox';
import { Presenter } from '../../tour/presenter.ts';
import { Accounts } from '../meter.ts';
import { openTestbed } from '../testbed.ts';
import { openTool } from '../tools.ts';
import { Workload } from '../workload.ts';
import { type Loss, WatchBench } from './measure.ts';
import type { WatchOptions } from './options.ts';
import { replaceWatch, tableHead, tableRows, type WatchResult } from './report.ts';

const project = resolve(import.meta.dirname, '..', '..');
const document = join(project, 'docs', 'performance.md');
const rate = 20;
const options: WatchOptions = JSON.parse(process.argv[2] ?? '');
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
  const { secondaries, files, writeDocs } = options;
  // Has it a place for these results? Else that would be said half an hour later
  if (writeDocs) replaceWatch(readFileSync(document, 'utf8'), {}, options, '');
  const room = Math.ceil(files * 1.1 * 5300) + 2 ** 29;
  const testbed = await presenter.step('start the hosts', () =>
    openTestbed({ projectDirectory: project, accounts, secondaries, diskBytes: room }),
  );
  let result: WatchResult = {};
  try {
    const root = testbed.inSandbox(testbed.primary);
    const workload = new Workload({ root, files, fileBytes: 1024, owner: testbed.owner });
    await presenter.step(`make ${files} files on the primary`, () => workload.grow());
    await presenter.step('a first push', () => openTool('push', testbed, secondaries).first());
    const measured = new WatchBench(testbed, workload);
    const { cases, minutes, cpu } = options;
    if (cases.includes('idle')) {
      const idle = (mode: 'watch' | 'tick') =>
        presenter.step(`${minutes} min in which nothing happens, ${mode}`, () =>
          measured.idle(mode, minutes),
        );
      result = { ...result, idle: { watch: await idle('watch'), tick: await idle('tick') } };
    }
    if (cases.includes('changed'))
      result = {
        ...result,
        changed: await presenter.step('100 files changed at once', () => measured.changed()),
      };
    if (cases.includes('times'))
      result = {
        ...result,
        times: await presenter.step('files created, renamed, deleted without fanotify', () =>
          measured.times(),
        ),
      };
    if (cases.includes('capped')) {
      const title = `${rate} files a second with ${cpu} % of a core`;
      const lags = await presenter.step(title, () => measured.capped(cpu, rate));
      result = { ...result, capped: { percent: cpu, rate, lags } };
    }
    if (cases.includes('loss')) result = { ...result, loss: await losses(measured) };
  } finally {
    await testbed.close();
  }
  presenter.table(tableHead, tableRows(result, options));
  save(result);
}

/** The moments follow from the seed. */
async function losses(measured: WatchBench): Promise<readonly Loss[]> {
  let state = options.seed + 1;
  const runs: Loss[] = [];
  for (let run = 1; run <= options.runs; run += 1) {
    state = (state * 48_271) % 2_147_483_647;
    const seconds = 2 + (4 * (state % 10_000)) / 10_000;
    const title = `power cut ${run} of ${options.runs}, after ${seconds.toFixed(1)} s`;
    runs.push(await presenter.step(title, () => measured.loss(seconds)));
  }
  return runs;
}

function save(result: WatchResult): void {
  const date = new Date().toISOString().slice(0, 10);
  const wrote = (path: string, text: string) => {
    writeFileSync(path, text);
    presenter.note(`wrote ${relative(project, path)}`);
  };
  const { files, secondaries, json, writeDocs } = options;
  if (json !== undefined)
    wrote(json, `${JSON.stringify({ v: 1, date, files, secondaries, ...result }, undefined, 2)}\n`);
  if (!writeDocs) return;
  const conditions = `${date}; ${cpus().length} cores for all hosts together`;
  wrote(document, replaceWatch(readFileSync(document, 'utf8'), result, options, conditions));
}
