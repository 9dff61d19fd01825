import type { ChildProcess } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { must, uploads } from './group.ts';
import { hostCommand } from './host-package.ts';
import { type PushOptions, type ScriptGroup, startScriptGroup } from './script-group.ts';

let group: ScriptGroup;
let tick = 1000;

/** One command that watches. */
interface Watch {
  readonly child: ChildProcess;
  readonly ended: Promise<{
    readonly code: number | null;
    readonly lines: readonly Record<string, unknown>[];
  }>;
}

const running: Watch[] = [];

function watch(options: PushOptions['options'] = {}): Watch {
  const child = group.primary.spawn(hostCommand('push'), {
    stdin: group.request({ options: { watch: 'auto', tick, lease: 300, ...options } }),
  });
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('no pipes');
  stderr.pipe(process.stderr);
  const code = new Promise<number | null>((done) => child.on('close', (number) => done(number)));
  const said = text(stdout);
  const ended = Promise.all([code, said]).then(([number, output]) => ({
    code: number,
    lines: output
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line)),
  }));
  const one = { child, ended };
  running.push(one);
  return one;
}

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + 90_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not in time: ${what}`);
    await sleep(100);
  }
}

const put = (name: string, content = name) =>
  must(group.primary, `cd ${uploads}; printf %s ${content} > ${name}; chown www-data: ${name}`);

const arrives = (name: string, content = name) =>
  Promise.all(
    group.secondaries.map((host) =>
      until(
        async () => (await host.exec(`cat ${uploads}/${name}`)).stdout === content,
        `${name} on ${host.id}`,
      ),
    ),
  );

async function expectSame(): Promise<void> {
  for (const secondary of group.secondaries)
    await until(
      // A tree that changes while it is read cannot be read
      async () => (await group.differences(secondary).catch(() => ['it changes'])).length === 0,
      `${secondary.id} is the same`,
    );
}

/** The processes of the primary that push. */
const pushes = async () =>
  (await group.primary.exec(`pgrep -f '[h]ostsync/current push' | wc -l`)).stdout.trim();

const kindOf = (lines: readonly Record<string, unknown>[], kind: string) =>
  lines.filter((line) => line['kind'] === kind);

beforeAll(async () => {
  group = await startScriptGroup({ secondaries: 2 });
});
afterAll(() => group?.close());
beforeEach(async () => {
  await group.primary.exec(`pkill -KILL -f '[h]ostsync/current push'`);
  await Promise.all(running.splice(0).map(({ ended }) => ended));
  tick += 60;
});

describe('a push that watches', () => {
  it('what is put on the primary is on the secondaries before the next tick', async () => {
    const one = watch();
    await put('first');
    await arrives('first');
    await must(group.primary, `cd ${uploads}; mkdir -p a/b/c; echo x > a/b/c/x; chown -R www-data: a`);
    await put('second');
    await arrives('second');
    await must(group.primary, `cd ${uploads}; mv a z; rm first`);
    await expectSame();
    const ended = await group.push({ options: { watch: 'end', tick: tick + 60 } });
    expect(ended.code, ended.stderr).toBe(0);
    const { code, lines } = await one.ended;
    expect(code).toBe(0);
    expect(kindOf(lines, 'watch')).toMatchObject([{ ended: 'successor' }]);
    expect(kindOf(lines, 'secondary')).toMatchObject([{ ok: true }, { ok: true }]);
  });

  it('hands over to the next tick, and nothing that comes meanwhile is late or lost', async () => {
    let one = watch();
    await put('begin');
    await arrives('begin');
    for (const step of [1, 2, 3]) {
      tick += 60;
      const next = watch();
      for (const number of [1, 2, 3, 4, 5]) await put(`step${step}-${number}`);
      const { code, lines } = await one.ended;
      expect(code).toBe(0);
      expect(kindOf(lines, 'watch')).toMatchObject([{ ended: 'successor' }]);
      one = next;
    }
    await arrives('step3-5');
    await expectSame();
    await until(async () => (await pushes()) === '1', 'one process watches');
  });

  it('a tick that comes late, or twice, ends nothing and does nothing', async () => {
    const one = watch();
    await put('here');
    await arrives('here');
    for (const other of [tick, tick - 60]) {
      const { code, secondaries } = await group.push({ options: { watch: 'auto', tick: other } });
      expect(code).toBe(0);
      expect(secondaries.map(({ error }) => error)).toEqual(['busy', 'busy']);
    }
    expect(one.child.exitCode).toBeNull();
    await put('goes-on');
    await arrives('goes-on');
  });

  it('a half-written file waits for its close, and holds up no other', async () => {
    watch();
    await put('ready');
    await arrives('ready');
    group.primary.spawn([
      'sh',
      '-c',
      `exec 3> ${uploads}/slow; chown www-data: ${uploads}/slow; printf half >&3; until [ -e /root/go-on ]; do sleep 0.1; done; printf whole >&3`,
    ]);
    await until(
      async () => (await group.primary.exec(`cat ${uploads}/slow`)).stdout === 'half',
      'half of it',
    );
    for (const name of ['other1', 'other2', 'other3']) {
      await put(name);
      await arrives(name);
    }
    const rung = (await group.primary.exec(`findmnt -no FSTYPE -T ${uploads}`)).stdout.trim();
    if (rung !== 'overlay')
      for (const host of group.secondaries)
        expect((await host.exec(`ls ${uploads}/slow`)).code, host.id).not.toBe(0);
    await must(group.primary, 'touch /root/go-on');
    await arrives('slow', 'halfwhole');
  });

  it('a secondary that is cut off holds up no other, and is caught up when it is back', async () => {
    watch();
    await put('all');
    await arrives('all');
    await group.secondary(1).cutOff();
    for (const name of ['cut1', 'cut2', 'cut3']) {
      await put(name);
      await until(
        async () => (await group.secondary(0).exec(`cat ${uploads}/${name}`)).stdout === name,
        `${name} on the other one`,
      );
    }
    await group.secondary(1).heal();
    tick += 60;
    watch();
    await arrives('cut3');
    await expectSame();
  });
});
