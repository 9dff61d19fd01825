import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { must, sends, uploads } from './group.ts';
import { hostCommand } from './host-package.ts';
import { type ScriptGroup, startScriptGroup } from './script-group.ts';

let group: ScriptGroup;
beforeAll(async () => {
  group = await startScriptGroup();
});
afterAll(() => group?.close());

/** 300 KiB/s, and 1.2 MB before many small ones: seconds in which something may happen. */
const slow = { bandwidth: 300, nice: 7, 'io-timeout': 100 };
const fill = (seed: number) =>
  must(
    group.primary,
    `cd ${uploads}; mkdir -p a zz; head -c 1200000 /dev/urandom > a/big; touch -d @${1_700_000_000 + seed} a/big
     for d in $(seq 12); do mkdir -p m$d; for i in $(seq 1000); do echo $i > m$d/$i; done; done; echo x > zz/x; chown -R www-data: .`,
  );

describe.each([
  ['the first sync', {}],
  ['a verification', { 'verify-every': 1 }],
])('during %s', (_what, options) => {
  it('the limit of bandwidth and the niceness hold, and what comes and goes meanwhile does not stay over there for good', async () => {
    await fill('verify-every' in options ? 1 : 0);
    const late = [`${uploads}/zz/late`, `${uploads}/zz/line\nbreak \\#012 \\x`, `${uploads}/zz/new`];
    const started = Date.now();
    const push = group.start({ options: { ...slow, ...options } });
    const ended = once(push, 'exit');
    // It waits while files come, however long that takes
    const niceness = await must(
      group.primary,
      `until pkill -STOP -f '${sends}'; do sleep 0.1; done; ps -eo ni=,comm= | awk '$2 == "rsync" { print $1 }' | sort -u`,
    );
    const quote = (path: string) => `'${path}'`;
    const [file, odd, directory] = late.map(quote);
    await must(
      group.primary,
      `echo x > ${file}; echo x > ${odd}; mkdir -p ${directory}; echo x > ${directory}/x; chown -R www-data: ${uploads}; pkill -CONT -x rsync`,
    );
    await ended;
    expect(push.exitCode).toBe(0);
    // The tests themselves may be nice already
    expect(Number(niceness)).toBe(Number(await must(group.primary, 'nice')) + slow.nice);
    expect(Date.now() - started).toBeGreaterThan(3500);
    // The changes are sent first, so what came meanwhile is there when everything is compared
    if ('verify-every' in options)
      await must(group.secondary(), `test -e ${file}; test -e ${odd}; test -e ${directory}/x`);
    await must(group.primary, `rm -r ${late.map(quote).join(' ')}`);
    const { code, secondaries } = await group.push();
    expect(code).toBe(0);
    expect(secondaries[0]).toMatchObject({ ok: true });
    expect(await group.differences()).toEqual([]);
  });
});

it('folders that the SSM agent keeps of our runs do not fill the disk, and those of others stay', async () => {
  const folders = '/var/lib/amazon/ssm/i-0123456789abcdef0/document/orchestration';
  const folder = (digit: number) => `${folders}/0000000${digit}-1234-1234-1234-123456789abc`;
  const script = `#!/bin/bash\n${hostCommand('push').slice(0, -1).join(' ')} "$@"\n`;
  // Schema 2.2: the script is in one folder, its output in another (aws-ssm-agent, runscript.go and runpluginutil.go)
  const put = async (digit: number, step: string, text: string, more = '') => {
    const output = `${folder(digit)}/awsrunShellScript/${step}`;
    await must(
      group.primary,
      `mkdir -p ${folder(digit)}/${step} ${output} ${more}; touch ${output}/{stdout,stderr}{,Console}`,
    );
    await group.primary.writeFile(`${folder(digit)}/${step}/_script.sh`, text, 0o700);
  };
  await put(1, 'push', script); // the run of now
  await put(2, 'push', script); // a young one
  await put(3, 'push', script);
  await put(4, 'push', '#!/bin/bash\nsomebody else\n');
  await put(5, 'backup', script);
  await put(6, 'push', script, `${folder(6)}/other`);
  // More of others than a run looks through
  const others = `${folders}/10000{000..199}-1234-1234-1234-123456789abc`;
  await must(group.primary, `mkdir ${others}; touch -d '2 days ago' ${others}`);
  // The clock jumped: this run and another one seem to be old
  await put(7, 'push', `#!/bin/bash\nuntil [ -e /released ]; do sleep 0.1; done; exit\n${script}`);
  await must(group.primary, `setsid -f ${folder(7)}/push/_script.sh >/dev/null 2>&1`);
  await must(group.primary, `cd ${folders}; touch -d '2 days ago' 0000000[134567]*`);
  const { code } = await group.primary.exec([`${folder(1)}/push/_script.sh`, '-'], {
    stdin: group.request(),
  });
  expect(code).toBe(0);
  expect(await must(group.primary, `cd ${folders}; ls -d 0* | cut -c 8`)).toBe('1\n2\n4\n5\n6\n7\n');
  await must(group.primary, 'touch /released');
});
