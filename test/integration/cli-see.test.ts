import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { must, startGroup, type TestGroup, uploads } from './group.ts';
import { upload } from './on-host.ts';
import { type Ended, hostsync } from './operator.ts';

let group: TestGroup;
beforeAll(async () => {
  group = await startGroup();
});
afterAll(() => group?.close());

const run = (...words: readonly string[]): Promise<Ended> => hostsync(group.cloud.clientConfig(), ...words);
const put = (name: string) => upload(group.primary, name);

describe('an operator sees at a glance how a group is', () => {
  it('shows every host, and ends with 0 while all is well', async () => {
    await group.tick();
    const { code, stdout, stderr } = await run('status', 'web');
    expect(stderr).toBe('');
    expect(stdout).toContain('All 2 secondaries are in sync');
    expect(stdout).toContain('epoch 1');
    for (const name of ['primary', 'secondary-1', 'secondary-2']) expect(stdout).toContain(name);
    expect(stdout).toContain('takes writes');
    expect(code).toBe(0);
  });

  it('gives scripts one JSON document, or one line a host', async () => {
    const installed = await must(group.primary, 'basename "$(readlink /usr/local/lib/hostsync/current)"');
    const release = { name: installed.trim(), isDeployed: true };
    const json = await run('status', 'web', '-o', 'json');
    expect(JSON.parse(json.stdout)).toMatchObject({
      group: 'web',
      level: 'in-sync',
      epoch: 1,
      primary: group.primary.id,
      failover: 'auto',
      held: null,
      hosts: [
        { id: group.primary.id, role: 'primary', secondsBehind: null, release },
        { id: group.secondary(0).id, role: 'secondary', state: 'in sync', error: null, release },
        { id: group.secondary(1).id, role: 'secondary', state: 'in sync', error: null, release },
      ],
    });
    const tsv = await run('status', '-o', 'tsv');
    expect(tsv.stdout.trimEnd().split('\n')).toHaveLength(4);
  });

  it('pushes now, and says what arrived', async () => {
    await put('pushed');
    const { code, stderr } = await run('push', 'web');
    expect(stderr).toContain('2 of 2 secondaries have everything');
    expect(code).toBe(0);
    expect(await group.differences(group.secondary(0))).toEqual([]);
    expect(await group.differences(group.secondary(1))).toEqual([]);
  });

  it('waits until everything has what the primary holds, and no longer than --timeout says', async () => {
    const early = await run('wait', 'web', '--in-sync', '--timeout', '3');
    expect(early.code).toBe(1);
    expect(early.stderr).toContain('Not done after 3 s');
    const { code, stderr } = await group.whileTicking(run('wait', 'web', '--in-sync', '--timeout', '200'));
    expect(stderr).toContain('web is in sync');
    expect(code).toBe(0);
    expect((await run('wait', 'web', '--joined', 'secondary-1', '--timeout', '20')).code).toBe(0);
    expect((await run('wait', 'web', '--promoted', 'primary', '--timeout', '20')).code).toBe(0);
  });

  it('names the host that is behind and why, and ends with 2 once people were notified', async () => {
    await group.secondary(0).cutOff();
    await put('behind');
    const pushed = await run('push', 'web');
    expect(pushed.code).toBe(1);
    expect(pushed.stderr).toContain(group.secondary(0).id);
    await group.tick();
    const { code, stdout } = await run('status', 'web');
    expect(stdout).toContain('1 of 2 hosts is behind');
    expect(stdout).toContain('unreachable');
    expect(stdout).toContain('Next: hostsync doctor web');
    expect(code).toBe(2);
    await group.secondary(0).heal();
    await group.tick();
    expect((await run('status', 'web')).code).toBe(0);
  });

  it('shows history, log lines and the plan of the service', async () => {
    const history = await run('history', 'web');
    expect(history.stdout).toContain('first, epoch 1');
    const logs = await run('logs', 'web');
    expect(logs.stdout).toContain('pushes 1 directories to 2 of 2 secondaries');
    const plan = await run('plan', 'web', '-o', 'json');
    expect(JSON.parse(plan.stdout)).toContainEqual(
      expect.objectContaining({ by: 'push', action: 'push', hosts: [group.primary.id] }),
    );
  });
});

describe('doctor asks the hosts themselves', () => {
  type Found = {
    readonly check: string;
    readonly level: string;
    readonly subject: string;
    readonly what: string;
  };
  const doctor = async (): Promise<readonly Found[]> =>
    JSON.parse((await run('doctor', 'web', '-o', 'json')).stdout);
  const ofHosts = (found: readonly Found[]) => found.filter(({ check }) => check.startsWith('host'));

  it('and finds nothing wrong with those that are well', async () => {
    const found = ofHosts(await doctor());
    // What sees changes is the kernel's affair, and whether programs are too old the distribution's
    const about = ({ check }: Found) => !/^host-(?:watch|rsync|ssh|sudo)$/u.test(check);
    expect(found.filter((each) => each.level !== 'ok' && about(each))).toEqual([]);
    for (const { id } of [group.primary, ...group.secondaries]) {
      const checks = found.filter(({ subject }) => subject === id).map(({ check }) => check);
      for (const each of [
        'release',
        'epoch',
        'python3',
        'rsync',
        'sshd',
        'login',
        'hooks',
        'directory',
        'disk',
      ])
        expect(checks, id).toContain(`host-${each}`);
      expect(checks).toContain('host-clock');
    }
    expect(found.filter(({ check }) => check === 'host-key')).toMatchObject([{ subject: group.primary.id }]);
  });

  it('names what would stop the next push, join or promotion, on each of them alone', async () => {
    const [first, second] = [group.secondary(0), group.secondary(1)];
    await must(first, `chown root: ${uploads}; sed -i '1i AllowUsers admin' /etc/ssh/sshd_config`);
    await must(
      second,
      'printf "group\\tweb\\nepoch\\t9\\n" > /etc/hostsync/group; echo x > /etc/hostsync/id_ed25519',
    );
    await must(
      group.primary,
      'mkdir -p /etc/hostsync/hooks; echo exit > /etc/hostsync/hooks/before-demotion; mkdir -p /var/lib/hostsync/rescued/x',
    );
    const found = ofHosts(await doctor()).filter(({ level }) => level === 'error' || level === 'warning');
    const of = (id: string) => found.filter(({ subject }) => subject === id).map(({ check }) => check);
    expect(of(first.id)).toEqual(expect.arrayContaining(['host-sshd', 'host-owner']));
    expect(of(second.id)).toEqual(expect.arrayContaining(['host-epoch', 'host-key']));
    expect(of(group.primary.id)).toEqual(expect.arrayContaining(['host-hooks', 'host-rescued']));
    expect(found.find(({ check }) => check === 'host-sshd')?.what).toContain('AllowUsers');
    const shown = await run('doctor', 'web');
    expect(shown.stdout).toContain('add hostsync to it in /etc/ssh/sshd_config');
    expect(shown.code).toBe(2);
  });
});

describe('what a user does wrong is said with what to do, and without a stack trace', () => {
  it.each([
    [64, 'Did you mean web?', ['status', 'wbe']],
    [64, 'Groups here: web', ['push', 'nothing-like-it']],
    [64, "unknown command 'stauts'", ['stauts']],
    [64, 'Wait for what?', ['wait', 'web']],
    [64, 'has no host "web-9"', ['wait', 'web', '--joined', 'web-9']],
    [69, 'hostsync is not deployed', ['status', '--stage', 'other']],
  ] as const)('%i: %s', async (expected, text, words) => {
    const { code, stderr } = await run(...words);
    expect(stderr).toContain(text);
    expect(stderr).not.toMatch(/\n\s+at /u);
    expect(code).toBe(expected);
  });

  it('77 without credentials that are good, 69 without AWS', async () => {
    const config = group.cloud.clientConfig();
    const bad = await hostsync(
      { ...config, credentials: { ...config.credentials, sessionToken: 'expired' } },
      'status',
    );
    expect(bad.stderr).toContain('No valid AWS credentials');
    expect(bad.stderr).not.toMatch(/\n\s+at /u);
    expect(bad.code).toBe(77);
    const away = await hostsync({ ...config, endpoint: 'http://127.0.0.1:9' }, 'status');
    expect(away.stderr).toContain('AWS cannot be reached');
    expect(away.code).toBe(69);
  });
});
