import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from 'local-cloud/hosts';
import type { FuzzGroup } from './group.ts';
import type { Random } from './random.ts';

export interface Disturbance {
  readonly name: string;
  /** How often, compared with the others. */
  readonly weight: number;
  /** Pushes, and disturbs that; the secondary is the one to suffer. */
  run(group: FuzzGroup, secondary: Host, random: Random): Promise<void>;
}

/** What the daemon on a secondary looks like. Its process is killed, as by the kernel that has no memory left. */
const killReceivers =
  'for p in /proc/[0-9]*; do case "$(tr "\\0" " " <"$p/cmdline" 2>/dev/null)" in "/usr/bin/rsync --server"*) kill -9 "$(basename "$p")" ;; esac; done';

/** @returns milliseconds, for the journal */
async function pause(random: Random, most: number): Promise<number> {
  const milliseconds = random.below(most);
  await sleep(milliseconds);
  return milliseconds;
}

export const disturbances: readonly Disturbance[] = [
  {
    name: 'nothing',
    weight: 24,
    async run(group, _secondary, random) {
      await group.push();
      if (random.chance(0.5)) await group.push();
    },
  },
  {
    name: 'the push is killed',
    weight: 30,
    async run(group, _secondary, random) {
      const push = group.startPush();
      const closed = once(push, 'close');
      const after = await pause(random, 1500);
      if (push.exitCode === null && push.pid !== undefined) process.kill(-push.pid, 'SIGKILL');
      await closed;
      group.journal.note(`killed after ${after} ms`);
    },
  },
  {
    name: 'a secondary is cut off',
    weight: 15,
    async run(group, secondary, random) {
      const push = group.push();
      await pause(random, 900);
      await secondary.cutOff();
      await push;
      if (random.chance(0.5)) await group.push();
      await secondary.heal();
    },
  },
  {
    name: 'the receivers are killed',
    weight: 7,
    async run(group, secondary, random) {
      const push = group.push();
      await pause(random, 700);
      await secondary.exec(killReceivers);
      await push;
    },
  },
  {
    name: 'a secondary loses power',
    weight: 5,
    async run(group, secondary, random) {
      const push = group.push();
      await pause(random, 700);
      await secondary.reboot();
      await push;
      group.watch();
    },
  },
  {
    name: 'the primary loses power',
    weight: 3,
    async run(group, _secondary, random) {
      const push = group.startPush();
      const closed = once(push, 'close');
      await pause(random, 700);
      await group.primary.reboot();
      await closed;
    },
  },
  {
    name: 'three pushes at once',
    weight: 5,
    async run(group, _secondary, random) {
      const first = group.push();
      await pause(random, 300);
      await Promise.all([first, group.push(), group.push()]);
    },
  },
  {
    name: 'what is remembered is damaged',
    weight: 5,
    async run(group, _secondary, random) {
      group.journal.note(`damaged: ${await group.run(group.primary, 'damage', String(random.below(1e9)))}`);
      await group.push();
    },
  },
  {
    name: 'the disk of a secondary is full',
    weight: 5,
    async run(group, secondary) {
      await secondary.fillDisk();
      await group.push();
      await secondary.freeDisk();
    },
  },
  {
    name: 'the disk of the primary is full',
    weight: 3,
    async run(group) {
      await group.primary.fillDisk();
      await group.push();
      await group.primary.freeDisk();
    },
  },
  {
    name: 'a secondary stands still',
    weight: 4,
    async run(group, secondary, random) {
      const push = group.push();
      await pause(random, 500);
      await secondary.freeze();
      await sleep(300);
      await secondary.thaw();
      await push;
    },
  },
];

export function chooseDisturbance(random: Random): Disturbance {
  return random.choose(disturbances.flatMap((each) => Array.from({ length: each.weight }, () => each)));
}
