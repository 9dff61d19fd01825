import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { must, startGroup, type TestGroup, uploads } from './group.ts';
import { isWatchedByDefault } from './watched.ts';

let group: TestGroup;
beforeAll(async () => {
  group = await startGroup({ excludes: ['*.tmp', '/cache/'] });
});
afterAll(() => group?.close());
/** From nothing: else what a test leaves would be too much to delete for the next one. */
async function clear(): Promise<void> {
  const everything = `find ${uploads} -mindepth 1 -delete`;
  for (const secondary of group.secondaries) await must(secondary, everything);
  await must(
    group.primary,
    `${everything}; rm -rf /var/lib/hostsync/manifest; echo x > ${uploads}/keep; chown -R www-data: ${uploads}`,
  );
}

/** Runs a command in the directory of the primary as the web server's user. */
const edit = (command: string) =>
  must(group.primary, `cd ${uploads}; export LC_ALL=C.UTF-8; sudo -u www-data bash -euc ${quote(command)}`);
const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

async function expectSame(): Promise<void> {
  for (const secondary of group.secondaries) expect(await group.differences(secondary)).toEqual([]);
}
const allOk = { ok: true };

describe.each([
  ['what arrives at a secondary that nothing is known of', false],
  ['what arrives as a change', true],
])('%s', (_what, known) => {
  beforeEach(async () => {
    await clear();
    if (known) await group.push();
  });

  it('names of any bytes', async () => {
    await edit(`
      for name in 'a b' "quote'" 'double"' 'dollar $(id)' 'back\`tick' 'star*' 'back\\slash' '-dash' '--delete' '!bang' '#hash' ' lead' 'trail ' 'Bücher' '日本語' '🎉' 'a:b' '+ plus' '- minus' 'percent%s' '~tilde' '.hidden' '...'; do
        mkdir -p -- "./d/$name"; echo "$name" > "./d/$name/$name"; echo "$name" > "./$name.txt"
      done
      echo nl > $'line\\nbreak'; echo tab > $'tab\\there'; echo bad > $'not\\xffutf8'; echo cr > $'c\\rr'
      long=$(printf 'n%.0s' $(seq 255)); echo long > "$long"; mkdir -p "d/$(printf 'd%.0s' $(seq 255))"; echo x > "d/$(printf 'd%.0s' $(seq 255))/$long"
      wide=$(printf 'é%.0s' $(seq 127))x; echo wide > "$wide"`);
    expect(await group.push()).toEqual([expect.objectContaining(allOk), expect.objectContaining(allOk)]);
    await expectSame();
    expect(await must(group.secondary(0), `ls ${uploads} | wc -l`)).not.toBe('0\n');
  });

  it('symbolic links, hard links, empty directories, odd modes, old and future times', async () => {
    await edit(`
      ln -s keep link; ln -s nowhere dangling; ln -s /etc/passwd absolute; ln -s ../../.. up; ln -s . self
      echo h > hard1; ln hard1 hard2; mkdir -p empty/deeper/still
      for mode in 0000 0111 0200 0400 0444 0600 0666 0777 1644; do echo m > "f$mode"; chmod "$mode" "f$mode"; done
      for mode in 0700 0755 1777 2775 3770; do mkdir "d$mode"; echo x > "d$mode/x"; chmod "$mode" "d$mode"; done
      mkdir locked; echo x > locked/x; chmod 0500 locked
      touch -d '1980-01-01 00:00:01.5' old; touch -d '2037-12-31' future; touch -d '1969-12-31 12:00 UTC' before; : > zero; truncate -s 10M hole`);
    expect(await group.push()).toEqual([expect.objectContaining(allOk), expect.objectContaining(allOk)]);
    await expectSame();
    expect(
      await must(group.secondary(0), `cd ${uploads}; stat -c %h hard1; [ hard1 -ef hard2 ] && echo same`),
    ).toBe('2\nsame\n');
  });

  it('a file of 1 GB, and 20,000 small ones', async () => {
    await edit(`
      head -c 1000000000 /dev/urandom > big
      for d in $(seq 20); do mkdir "many$d"; (cd "many$d"; seq 1000 | split -l 1 -a 4 - f); done`);
    const results = await group.push();
    expect(results).toEqual([expect.objectContaining(allOk), expect.objectContaining(allOk)]);
    const files = known ? 20_001 : 20_002;
    // A watch may send a file twice that changes while it is on its way
    if (isWatchedByDefault) expect(results[0]?.files).toBeGreaterThanOrEqual(files);
    else expect(results[0]?.files).toBe(files);
    expect(results[0]?.bytes).toBeGreaterThan(1_000_000_000);
    await expectSame();
  });

  it('changes, renames, deletions, and files that become directories and back', async () => {
    await edit(`
      mkdir -p dir/sub swap1; echo 1 > dir/a; echo 2 > dir/sub/b; echo 3 > swap1/inside; echo 4 > swap2; echo 5 > gone; ln -s keep swap3
      echo same > content; touch -d '2020-01-01' content`);
    await group.push();
    await edit(`
      mv dir renamed; echo more >> renamed/a; rm gone; rm -r swap1; echo file > swap1; rm swap2; mkdir swap2; echo in > swap2/in
      rm swap3; mkdir swap3; chmod 600 keep; echo else > content`);
    const results = await group.push();
    expect(results).toEqual([expect.objectContaining(allOk), expect.objectContaining(allOk)]);
    expect(results[0]?.deleted).toBeGreaterThan(0);
    await expectSame();
    expect(
      await must(group.secondary(1), `cat ${uploads}/renamed/a ${uploads}/swap1 ${uploads}/content`),
    ).toBe('1\nmore\nfile\nelse\n');
  });

  it('nothing when nothing changed', async () => {
    await edit('mkdir a; echo x > a/b');
    await group.push();
    await group.push();
    expect(await group.push()).toEqual([
      expect.objectContaining({ ok: true, files: 0, deleted: 0 }),
      expect.objectContaining({ ok: true, files: 0, deleted: 0 }),
    ]);
  });

  it('nothing that is excluded, and what is excluded is not deleted over there either', async () => {
    await edit(
      'mkdir cache sub sub/cache; echo x > cache/x; echo x > a.tmp; echo x > sub/b.tmp; echo x > sub/cache/arrives',
    );
    const [secondary] = group.secondaries;
    if (secondary === undefined) throw new Error('fixture');
    await must(
      secondary,
      `mkdir -p ${uploads}/cache; echo own > ${uploads}/cache/own; echo own > ${uploads}/own.tmp; chown -R www-data: ${uploads}`,
    );
    await group.push();
    expect(await must(secondary, `cd ${uploads}; find . -mindepth 1 | sort`)).toBe(
      './cache\n./cache/own\n./keep\n./own.tmp\n./sub\n./sub/cache\n./sub/cache/arrives\n',
    );
    await must(secondary, `rm -r ${uploads}/cache ${uploads}/own.tmp`);
  });

  it('as the owner of the directory over there, without setuid, whoever wrote the file here', async () => {
    await must(group.primary, `cd ${uploads}; echo r > by-root; cp /bin/true suid; chmod 6755 suid`);
    await group.push();
    expect(await must(group.secondary(0), `cd ${uploads}; stat -c '%n %U %a' by-root suid`)).toBe(
      'by-root www-data 644\nsuid www-data 755\n',
    );
    expect((await group.push())[0]).toMatchObject({ ok: true, files: 0 });
  });
});

it('a tick costs the same few calls, whatever the number of secondaries', async () => {
  await group.tick(); // what it finds changed is settled
  const before = group.cloud.calls().length;
  await group.tick();
  const calls = group.cloud.calls().slice(before);
  const sync = calls.find(({ operation }) => operation === 'SendCommand')?.caller;
  expect(
    calls
      .filter(({ caller }) => caller === sync)
      .map(({ operation }) => operation)
      .sort(),
  ).toEqual([
    'BatchGetItem', // what is remembered
    'DescribeInstanceInformation', // of primaries alone
    'DescribeInstanceStatus', // what fails, if anything
    'DescribeInstances',
    'SendCommand',
  ]);
});
