import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BenchError } from '../meter.ts';
import { must, type Testbed, uploads } from '../testbed.ts';
import { Arrivals, type Written } from './arrivals.ts';

const content = Buffer.alloc(20_000, 'upload ');
const directory = 'lag';
/** Seconds in which what was written last must arrive: longer than from one tick to the next. */
const patience = 90;

/** An empty directory for uploads on each host. */
export async function clearUploads(testbed: Testbed): Promise<void> {
  const path = `${uploads}/${directory}`;
  const command = `rm -rf ${path}; install -d -o www-data -g www-data ${path}`;
  for (const host of [testbed.primary, ...testbed.secondaries]) await must(host, command);
}

/** Where the uploads of the primary are, as this process sees them. */
export function uploadsOf(testbed: Testbed): string {
  return join(testbed.inSandbox(testbed.primary), directory);
}

export function watchArrivals(testbed: Testbed): readonly Arrivals[] {
  return testbed.secondaries.map(
    (host) => new Arrivals(join(testbed.inSandbox(host), directory), content.length),
  );
}

/** A first file arrives, and then a second one: the tool has begun, and is through with what was there before. */
export async function settled(testbed: Testbed): Promise<void> {
  for (const name of ['begun', 'settled']) await arrival(testbed, `${name}-${Date.now()}`);
}

/**
 * Until two files, one after the other, arrive at once: no push of everything runs any more, which would bring one of them on its way, and
 * no cycle waits after one.
 */
export async function atRest(testbed: Testbed): Promise<void> {
  let quick = 0;
  for (let tries = 0; tries < 40; tries += 1) {
    const began = performance.now();
    await arrival(testbed, `rest-${Date.now()}`);
    const isQuick = performance.now() - began < 1000;
    quick = isQuick ? quick + 1 : 0;
    await sleep(isQuick ? 2_000 : 10_000);
    if (quick === 2) return;
  }
  throw new BenchError('the watch does not come to rest');
}

async function arrival(testbed: Testbed, name: string): Promise<void> {
  writeFileSync(join(uploadsOf(testbed), name), '');
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

/** As the web server writes an upload. */
export function write(testbed: Testbed, number: number, written: Written): void {
  const name = nameOf(number);
  const file = openSync(join(uploadsOf(testbed), name), 'w');
  writeSync(file, content);
  closeSync(file);
  written.set(name, Date.now());
}

export function nameOf(number: number): string {
  return `upload-${String(number).padStart(6, '0')}`;
}

/** Does something `rate` times a second. @param goes until it says no */
export async function steadily(
  rate: number,
  count: number,
  step: (number: number) => void,
  goes: () => boolean = () => true,
): Promise<void> {
  const began = performance.now();
  for (let number = 0; number < count && goes(); number += 1) {
    const ahead = (number * 1000) / rate - (performance.now() - began);
    if (ahead > 0) await sleep(ahead);
    step(number);
  }
}

/** Waits for the last of them, but not for ever. */
export async function arrived(isThere: () => boolean): Promise<void> {
  const deadline = Date.now() + patience * 1000;
  while (!isThere() && Date.now() < deadline) await sleep(20);
}
