import type { Host } from 'local-cloud/hosts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { must, uploads } from './group.ts';
import { hostCommand } from './host-package.ts';
import { writeHook } from './on-host.ts';
import { type ScriptGroup, startScriptGroup } from './script-group.ts';

// A former primary comes back. Each title says what an editor would lose, or for what an operator would be woken.

interface Line {
  readonly kind: string;
  readonly [field: string]: unknown;
}
interface Run {
  readonly code: number;
  readonly last: Line;
  readonly stderr: string;
}

let group: ScriptGroup;
let primary: Host;
let next: Host;
let publicKey: string;
const hostKeys = new Map<Host, string>();

beforeEach(async () => {
  group = await startScriptGroup();
  primary = group.primary;
  next = group.secondary();
  expect((await group.push({ options: { first: 'yes' } })).code).toBe(0);
});
afterEach(() => group?.close());

async function run(host: Host, command: string, request: string): Promise<Run> {
  const { code, stdout, stderr } = await host.exec(hostCommand(command), {
    stdin: request,
    timeoutSeconds: 100,
  });
  const last = stdout.trim().split('\n').at(-1) ?? '';
  if (!last.startsWith('{')) throw new Error(`${host.id}: ${command}: ${stderr}`);
  return { code, last: JSON.parse(last), stderr };
}

const heading = `group\tweb\nepoch\t2\n`;
const directory = `directory\t${uploads}\n`;
/** As the editor, who is the web server's user. */
const edit = (host: Host, command: string) =>
  must(host, `cd ${uploads}; setpriv --reuid 33 --regid 33 --clear-groups bash -euc '${command}'`);

async function promote(): Promise<void> {
  const { last } = await run(next, 'promote', heading);
  publicKey = String(last['publicKey']).split(' ').slice(0, 2).join('\t');
}

const leave = (more = '') => run(primary, 'leave', `${heading}${directory}option\tpeer\t${next.id}\n${more}`);

async function join(host: Host, readable = false): Promise<Run> {
  const more = readable ? 'option\treadable\tyes\n' : '';
  const result = await run(host, 'join', `${heading}${directory}public-key\t${publicKey}\n${more}`);
  hostKeys.set(host, String(result.last['hostKey']).replace(' ', '\t'));
  return result;
}

const rescue = () =>
  run(
    next,
    'rescue',
    `${heading}${directory}secondary\t${primary.id}\t${primary.address}\t22\t${hostKeys.get(primary)}\noption\tlists\tyes\noption\tio-timeout\t10\n`,
  );

const hook = (script: string) => writeHook(primary, 'before-demotion', script);

describe('the hook before-demotion', () => {
  it('runs on a primary that comes back, once, before anything is listed', async () => {
    await hook(
      `echo $HOSTSYNC_EPOCH >> /tmp/told; ls /etc/hostsync/id_ed25519; echo late > ${uploads}/late; chown www-data: ${uploads}/late`,
    );
    await promote();
    const first = await leave();
    expect(first).toMatchObject({ code: 0, last: { hook: 'ok', stranded: expect.any(Number) } });
    // what its last word wrote is listed
    expect(JSON.stringify(first.last)).toContain(`${uploads}/late`);
    expect((await leave()).last).toMatchObject({ hook: 'none' });
    expect(await must(primary, 'cat /tmp/told')).toBe('2\n');
  });

  it('does not run again after it has prepared a switchover', async () => {
    await hook('echo run >> /tmp/told');
    const prepared = await run(primary, 'leave', `group\tweb\nepoch\t1\n${directory}option\tprepare\tyes\n`);
    expect(prepared).toMatchObject({ code: 0, last: { prepared: true, hook: 'ok' } });
    await promote();
    expect((await leave()).last).toMatchObject({ hook: 'none' });
    expect(await must(primary, 'cat /tmp/told')).toBe('run\n');
  });

  it('that fails keeps nothing from being listed, and is tried again', async () => {
    await hook('exit 3');
    await edit(primary, 'echo new > new');
    await promote();
    const failed = await leave();
    expect(failed).toMatchObject({
      code: 0,
      last: { hook: 'failed', hookMessage: expect.stringContaining('exit code 3') },
    });
    expect(JSON.stringify(failed.last)).toContain(`${uploads}/new`);
    await hook('true');
    expect((await leave()).last).toMatchObject({ hook: 'ok' });
  });
});

describe('the list of a former primary', () => {
  it('is made again until nothing new has come, and what came later is kept', async () => {
    await promote();
    await edit(primary, 'echo 1 > one');
    await leave();
    expect((await leave()).last).toMatchObject({ new: 0 });
    await edit(primary, 'echo 2 > two; echo changed > one');
    expect((await leave()).last).toMatchObject({ new: 2 });
    await edit(primary, 'echo 3 > three');
    const { last } = await leave('option\tkeep\tyes\n');
    expect(last).toMatchObject({ new: 1, kept: 1 });
    expect(await must(primary, `cat ${last['keptIn']}${uploads}/three; stat -c %a ${last['keptIn']}`)).toBe(
      '3\n700\n',
    );
  });
});

describe('what comes after the last list', () => {
  it('is kept when the host joins, and only then', async () => {
    await promote();
    await edit(primary, 'echo 1 > one');
    await leave();
    await join(primary, true);
    expect((await rescue()).last).toMatchObject({ ok: true });
    await edit(primary, 'echo 2 > two; mkdir cache; echo c > cache/c');
    await join(primary);
    const kept = 'find /var/lib/hostsync/rescued -type f -name "[a-z]*" ! -name "*.list" | sed "s|.*Z-||"';
    expect(await must(primary, `${kept} | sort`)).toBe(`epoch-2${uploads}/cache/c\nepoch-2${uploads}/two\n`);
    await edit(primary, 'echo 3 > three');
    await join(primary);
    expect(await must(primary, `${kept} | wc -l`)).toBe('2\n');
  });
});

describe('a file that only root can read', () => {
  it('keeps a former primary from nothing: it joins, the rest is rescued, and the file is kept', async () => {
    await must(
      primary,
      `cd ${uploads}; echo secret > root-file; chmod 600 root-file; install -d -m 700 root-only; echo s > root-only/s`,
    );
    await must(
      primary,
      `cd ${uploads}; echo shut > shut; chown www-data: shut; chmod 000 shut; echo new > new; chown www-data: new`,
    );
    await promote();
    const left = await leave();
    expect(left).toMatchObject({ code: 0, last: { kept: 3 } });
    expect(
      await must(
        primary,
        `cd ${left.last['keptIn']}${uploads}; cat root-file root-only/s shut; stat -c %a:%U root-file`,
      ),
    ).toBe('secret\ns\nshut\n600:root\n');
    await join(primary, true);
    const rescued = await rescue();
    expect(rescued).toMatchObject({ code: 0, last: { ok: true } });
    expect(await must(next, `cd ${uploads}; cat new; ls`)).toBe('new\nkeep\nnew\n');
    expect((await join(primary)).code).toBe(0);
  });
});

describe('a path that is too long', () => {
  it('is named, and the rest is rescued for good', async () => {
    await promote();
    await must(
      primary,
      `cd ${uploads}; echo new > new; python3 -c 'import os
for number in range(18):
    os.mkdir("n" * 250)
    os.chdir("n" * 250)
    open("file", "w").close()'; chown -R www-data: . || true`,
    );
    await leave();
    await join(primary, true);
    // as an older release lists it
    await must(
      primary,
      `python3 -c 'import sys; sys.stdout.buffer.write(b"/".join([b"n" * 250] * 18) + b"/file\\0")' >> /var/lib/hostsync/stranded/$(printf %s ${uploads} | sha256sum | cut -c -16).list`,
    );
    const result = await rescue();
    expect(result.last).toMatchObject({ ok: true, tooLong: 1 });
    expect(result.code).toBe(0);
    expect(await must(next, `cat ${uploads}/new; find ${uploads} -name file | wc -l`)).toMatch(
      /^new\n1[56]\n$/u,
    );
  });
});
