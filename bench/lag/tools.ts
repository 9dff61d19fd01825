import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sandboxDirectory } from 'local-cloud/sandbox';
import { processes } from '../meter.ts';
import { request, scriptCommand, type Testbed, uploads } from '../testbed.ts';
import type { LagTool } from './options.ts';

/** Seconds between two runs of what runs on the minute. */
export const tickSeconds = 60;
const configuration = '/etc/lsyncd.lua';

/** A tool that goes on by itself until it is ended. */
export interface Going {
  end(): Promise<void>;
}

/** How a command of hostsync is started. */
export interface How {
  /** Words before it. */
  readonly prefix?: readonly string[];
  readonly started?: (pid: number) => void;
}

/** @param count of secondaries, the first ones */
export async function begin(tool: LagTool, testbed: Testbed, count: number, how: How = {}): Promise<Going> {
  const addresses = testbed.secondaries.slice(0, count).map(({ address }) => address);
  switch (tool) {
    case 'hostsync watch':
      return onTheMinute(testbed, how, async (tick) => {
        await testbed.writeRequest(count, [
          ['option', 'watch', 'auto'],
          ['option', 'tick', String(tick)],
        ]);
        return scriptCommand('push', request);
      });
    case 'hostsync tick':
      await testbed.writeRequest(count);
      return onTheMinute(testbed, how, async () => scriptCommand('push', request));
    case 'lsyncd delay=1':
      return lsyncd(testbed, addresses, 1);
    case 'lsyncd default':
      return lsyncd(testbed, addresses, undefined);
    case 'cron loop': {
      const loop = `for host; do rsync -a --delete ${uploads}/ "root@$host:${uploads}/"; done`;
      return onTheMinute(testbed, how, async () => ['bash', '-c', loop, 'cron', ...addresses]);
    }
  }
}

/** Starts the first at once, and one more each minute, whether the one before has ended or not. */
function onTheMinute(
  testbed: Testbed,
  { prefix = [], started }: How,
  command: (tick: number) => Promise<readonly string[]>,
): Going {
  let going = true;
  let timer: NodeJS.Timeout | undefined;
  const start = async (): Promise<void> => {
    const argv = await command(Math.floor(Date.now() / 1000));
    if (!going) return;
    const { pid } = run(testbed, [...prefix, ...argv]);
    if (pid !== undefined) started?.(pid);
    timer = setTimeout(() => void start(), tickSeconds * 1000);
  };
  void start();
  return {
    end: async () => {
      going = false;
      clearTimeout(timer);
      await endAll(testbed);
    },
  };
}

async function lsyncd(
  testbed: Testbed,
  addresses: readonly string[],
  delay: number | undefined,
): Promise<Going> {
  const wait = delay === undefined ? '' : `delay = ${delay}, `;
  const targets = addresses.map(
    (address) =>
      `sync { default.rsync, source = "${uploads}/", target = "root@${address}:${uploads}/", ${wait}rsync = { archive = true } }`,
  );
  const settings = 'settings { nodaemon = true, statusFile = "/run/lsyncd.status" }';
  await testbed.primary.writeFile(configuration, `${[settings, ...targets].join('\n')}\n`);
  run(testbed, ['lsyncd', configuration]);
  return { end: () => endAll(testbed) };
}

function run(testbed: Testbed, argv: readonly string[]): ChildProcess {
  const log = openSync(join(sandboxDirectory(), 'bench.lag'), 'w');
  const child = testbed.start(argv, ['ignore', log, log]).on('error', () => undefined);
  closeSync(log);
  return child;
}

async function endAll(testbed: Testbed): Promise<void> {
  testbed.endRuns();
  while (processes(testbed.runGroup).length > 0) await sleep(10);
}
