import { setTimeout as sleep } from 'node:timers/promises';
import { chooseDisturbance } from './disturbances.ts';
import { directories, type FuzzGroup, startFuzzGroup } from './group.ts';
import type { Journal } from './journal.ts';
import type { FuzzOptions } from './options.ts';
import { Random } from './random.ts';

const operationsPerRound = 80;
const mostPushes = 20;
const shownDifferences = 4;
/** Only a fault takes so long. */
const arrivalSeconds = 120;

/** Rounds of edits and disturbances. What it finds stands in the journal. */
export async function fuzz(options: FuzzOptions, journal: Journal): Promise<void> {
  const { seed, minutes, rounds } = options;
  journal.say(`seed ${seed}; all that is done: ${journal.path}`);
  const group = await startFuzzGroup(journal, options);
  const end = Date.now() + minutes * 60_000;
  try {
    let round = 0;
    while (round < rounds && Date.now() < end) {
      round += 1;
      // Each round has numbers of its own: what one draws does not move the next
      await oneRound(group, round, new Random(seed * 1_000_003 + round));
    }
    await compare(group, 'at the end');
    journal.say(`${round} rounds; ${journal.counts}`);
  } finally {
    await group.close();
  }
}

async function oneRound(group: FuzzGroup, round: number, random: Random): Promise<void> {
  const editorSeed = random.below(1e9);
  const secondary = random.choose(group.secondaries);
  const disturbance = chooseDisturbance(random);
  const compares = random.chance(0.3);
  group.journal.note(`round ${round}: ${disturbance.name} (${secondary.id})`);
  // On a primary that loses power nobody edits meanwhile; a full one stops the editor
  const [edited, disturbed] = await Promise.allSettled([
    group.edit(editorSeed, operationsPerRound),
    disturbance.run(group, secondary, random),
  ]);
  if (edited.status === 'rejected') group.journal.note(`the editor ended: ${edited.reason}`);
  if (disturbed.status === 'rejected') throw disturbed.reason;
  if (compares) await compare(group, `after round ${round}`);
}

/** Pushes until all arrived; then both secondaries have what the primary has. */
async function compare(group: FuzzGroup, when: string): Promise<void> {
  await group.normalise();
  if (group.watches && !(await arrivesByItself(group, when))) return;
  if (!(await pushUntilDone(group, when))) return;
  const expected = await readLines(group, group.primary);
  for (const secondary of group.secondaries) {
    const actual = await readLines(group, secondary);
    const missing = [...expected].filter((line) => !actual.has(line));
    const tooMuch = [...actual].filter((line) => !expected.has(line));
    if (missing.length + tooMuch.length === 0) continue;
    group.journal.note(`only primary:\n${missing.join('\n')}\nonly ${secondary.id}:\n${tooMuch.join('\n')}`);
    const show = (lines: readonly string[]) =>
      `${lines.length}${lines
        .slice(0, shownDifferences)
        .map((line) => `\n    ${line}`)
        .join('')}`;
    group.journal.find(
      `DIFFERENT ${when}\n  only primary: ${show(missing)}\n  only ${secondary.id}: ${show(tooMuch)}`,
    );
  }
}

/** The watch alone brings everything, and remembers what a walk would find. */
async function arrivesByItself(group: FuzzGroup, when: string): Promise<boolean> {
  const end = Date.now() + arrivalSeconds * 1000;
  let late: readonly string[] = [];
  do {
    if (!group.isWatching) await group.push();
    late = await differences(group);
    if (late.length === 0)
      late = (await group.run(group.primary, 'chain', 'web', ...directories)).split('\n').filter(Boolean);
    if (late.length === 0) return true;
    await sleep(700);
  } while (Date.now() < end);
  group.journal.note(`${late.join('\n')}\n${group.lastWords}`);
  const shown = late.slice(0, shownDifferences).join('\n    ');
  group.journal.find(`LATE ${when}: the watch has not brought everything:\n    ${shown}`);
  return false;
}

async function differences(group: FuzzGroup): Promise<readonly string[]> {
  const expected = await readLines(group, group.primary);
  const found: string[] = [];
  for (const secondary of group.secondaries) {
    const actual = await readLines(group, secondary);
    found.push(...[...expected].filter((line) => !actual.has(line)).map((line) => `primary: ${line}`));
    found.push(
      ...[...actual].filter((line) => !expected.has(line)).map((line) => `${secondary.id}: ${line}`),
    );
  }
  return found;
}

async function readLines(group: FuzzGroup, host: FuzzGroup['primary']): Promise<ReadonlySet<string>> {
  return new Set((await group.run(host, 'tree', ...directories)).split('\n'));
}

async function pushUntilDone(group: FuzzGroup, when: string): Promise<boolean> {
  let held: string | undefined;
  for (let number = 1; ; number += 1) {
    // A directory that could not be walked, as on a full disk, holds what went from another until somebody accepts that
    const push = await group.pushOnce(held);
    held = push.held[0]?.id;
    const isDone =
      push.secondaries.length === group.secondaries.length && push.secondaries.every(({ ok }) => ok);
    if (isDone) {
      if (number > 3) group.journal.note(`${when}: took ${number} pushes`);
      return true;
    }
    if (number === mostPushes) {
      const said = `${JSON.stringify(push.lines).slice(0, 1500)}\n${push.stderr.slice(-1500)}`;
      group.journal.find(`FAILED ${when}: not everything arrived after ${number} pushes: ${said}`);
      return false;
    }
    await sleep(700);
  }
}
