import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { must, sends, uploads } from './group.ts';
import { type ScriptGroup, type ScriptGroupOptions, startScriptGroup } from './script-group.ts';

// Each title says what a user would find on a secondary, were it not so: files that are gone here, links to nothing, alarms
// that a name made.

const other = '/srv/other';
let group: ScriptGroup;
afterEach(() => group?.close());

async function start(prepare: string, options: ScriptGroupOptions = {}): Promise<void> {
  group = await startScriptGroup(options);
  await group.edit(prepare);
  await must(group.primary, 'sleep 0.1');
  expect((await group.push({ options: { first: 'yes' } })).code).toBe(0);
}
const has = async (name: string, directory = uploads) =>
  (await group.secondary().exec(['test', '-e', `${directory}/${name}`])).code === 0;

it('a file that went, came back while a push ran, and went for good does not stay there for good', async () => {
  await start('mkdir cache; echo page > cache/x.html');
  await group.edit('rm cache/x.html; head -c 8000000 /dev/urandom > big');
  const push = group.start({ options: { bandwidth: 3000 } });
  const ended = once(push, 'exit');
  await must(group.primary, `until pgrep -f '${sends}'; do sleep 0.1; done`);
  await group.edit('echo page > cache/x.html');
  await ended;
  await group.edit('rm cache/x.html');
  expect((await group.push()).code).toBe(0);
  expect(await has('cache/x.html')).toBe(false);
  expect(await group.differences()).toEqual([]);
});

it('a file system that goes away inside the directory takes nothing with it', async () => {
  const inside = `${uploads}/2019`;
  await start(`mkdir 2019; mount -t tmpfs none ${inside}; touch 2019/{1..15}; touch {1..200}`);
  await must(group.primary, `umount ${inside}; echo new > ${uploads}/new`);
  const { code, held } = await group.push();
  expect(code).toBe(11);
  expect(held).toEqual([
    expect.objectContaining({
      count: 15,
      reason: `the file system that was mounted at ${inside} is not there any more`,
    }),
  ]);
  expect(await has('2019/15')).toBe(true);
  expect(await has('new')).toBe(true);
  await must(
    group.primary,
    `mount -t tmpfs none ${inside}; touch ${inside}/{1..15}; chown -R www-data: ${inside}`,
  );
  expect((await group.push()).held).toEqual([]);
});

it('a link is switched when what it points to is there', async () => {
  await start('mkdir -p releases/1; echo 1 > releases/1/index.php; ln -s releases/1 current');
  const watch = group
    .secondary()
    .spawn([
      'bash',
      '-c',
      `cd ${uploads}; while sleep 0.02; do [[ -e current/index.php ]] || echo dangling; done`,
    ]);
  const said: string[] = [];
  watch.stdout?.on('data', (chunk: Buffer) => said.push(String(chunk)));
  await group.edit(
    'mkdir releases/2; head -c 3000000 /dev/urandom > releases/2/a; echo 2 > releases/2/index.php; ln -sfn releases/2 current',
  );
  expect((await group.push({ options: { bandwidth: 1500 } })).code).toBe(0);
  watch.kill('SIGKILL');
  expect(said).toEqual([]);
  expect(await must(group.secondary(), `cat ${uploads}/current/index.php`)).toBe('2\n');
});

describe('a name makes no alarm', () => {
  it.each([
    ['a: No space left on device (28)', 'd/x'],
    ['ssh: connect to host x port 22: Connection refused', 'd/x'],
    ['@ERROR: Unknown module', 'd/x'],
  ])('%s', async (name, below) => {
    const quoted = `'${name}'`;
    await start(`mkdir -p ${quoted}/d; echo x > ${quoted}/${below}`);
    await group.edit(`rm -r ${quoted}; ln -s keep ${quoted}`);
    for (const { code, secondaries } of [await group.push(), await group.push()]) {
      expect(secondaries[0]?.error ?? 'none').toBe('none');
      expect(code).toBe(0);
    }
    expect(await group.differences()).toEqual([]);
  });

  it('that is the one under which rsync keeps what it has received', async () => {
    await start('mkdir a');
    await group.edit("echo x > '.~tmp~'; echo x > 'a/.~tmp~'; echo y > a/y; echo z > z");
    await group.push();
    await group.edit("rm '.~tmp~' 'a/.~tmp~'");
    expect((await group.push()).code).toBe(0);
    expect(await group.differences()).toEqual([]);
  });
});

describe('held deletions', () => {
  it('of one directory are not released by the id of another', async () => {
    await start('mkdir a; touch a/{1..100}', { directories: [uploads, other] });
    await group.edit('mkdir b; touch b/{1..100}', other);
    expect((await group.push()).code).toBe(0);
    await group.edit('rm -r a');
    const [first] = (await group.push()).held;
    await group.edit('rm -r b', other);
    const { held } = await group.push({ options: { 'accept-deletions': first?.id ?? '' } });
    expect(held).toEqual([
      expect.objectContaining({ count: 101, examples: expect.arrayContaining([`${other}/b/1`]) }),
    ]);
    expect(await has('a/1')).toBe(false);
    expect(await has('b/1', other)).toBe(true);
  });

  it('a little each time, again and again, is much', async () => {
    await start('touch {1..1000}');
    const codes: number[] = [];
    for (let from = 1; from < 700; from += 150) {
      await group.edit(`rm $(seq ${from} ${from + 149})`);
      codes.push((await group.push()).code);
    }
    expect(codes[0]).toBe(0);
    expect(codes.slice(1)).toEqual(codes.slice(1).map(() => 11));
    expect(await must(group.secondary(), `ls ${uploads} | wc -l`)).toBe('851\n');
  });
});
