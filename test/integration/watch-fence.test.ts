import type { Host } from 'local-cloud/hosts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hostCommand } from './host-package.ts';
import { linesOf, startWatchGroup, until, type WatchGroup } from './watch-group.ts';

let watch: WatchGroup;

/** The last line that a command printed. */
async function ask(host: Host, command: string, lines: readonly string[]): Promise<Record<string, unknown>> {
  const stdin = `group\tweb\n${lines.map((line) => `${line}\n`).join('')}`;
  const { stdout, stderr } = await host.exec(hostCommand(command), { stdin });
  const line = stdout.trim().split('\n').at(-1) ?? '';
  if (!line.startsWith('{')) throw new Error(`${host.id}: ${command}: ${stderr}`);
  return JSON.parse(line);
}

const directories = () => watch.group.directories.map((path) => `directory\t${path}`);

/** The first secondary is the primary of a new epoch, and the second one follows it: the old one was not reached. */
async function failOver(): Promise<void> {
  const [next, other] = [watch.group.secondary(0), watch.group.secondary(1)];
  const { publicKey } = await ask(next, 'promote', ['epoch\t2', `holder\t${next.id}`]);
  const key = String(publicKey).split(' ').slice(0, 2).join('\t');
  const joined = ['epoch\t2', `holder\t${next.id}`, ...directories(), `public-key\t${key}`];
  expect(await ask(other, 'join', joined)).toMatchObject({ kind: 'join' });
}

/** Each secondary has had a moment in which a change would have come: its own change is there. */
async function nothingArrives(name: string): Promise<void> {
  const seen = new Set<string>();
  const end = Date.now() + 8000;
  while (Date.now() < end) {
    for (const host of watch.group.secondaries) if (await watch.has(host, name)) seen.add(host.id);
  }
  expect([...seen]).toEqual([]);
}

beforeEach(async () => {
  watch = await startWatchGroup();
});
afterEach(() => watch?.close());

describe('a watch of a primary that is none any more', () => {
  it('is ended by its demotion, with everything that it had open', async () => {
    const one = watch.next();
    await watch.put('ours');
    await watch.arrives('ours');
    const { primary } = watch.group;
    const left = await ask(primary, 'leave', ['epoch\t2', ...directories(), 'option\tpeer\ts-1']);
    expect(left).toMatchObject({ kind: 'leave', prepared: false });
    await one.ended;
    await until(async () => (await watch.pushes()) === 0, 'no process is left');
    await until(async () => (await watch.connections()) === 0, 'no connection is left');
    await watch.put('late');
    // The next tick may still come: its command was on its way
    const next = watch.next();
    expect(linesOf(await next.ended, 'error')).toMatchObject([{ error: 'older-epoch' }]);
    expect(await watch.isNowhere('late')).toBe(true);
  });

  it('sends nothing by a connection that was open when the secondaries got another primary', async () => {
    const one = watch.next();
    await watch.put('ours');
    await watch.arrives('ours');
    await failOver();
    await watch.put('late');
    await nothingArrives('late');
    const last = await watch.end();
    expect(last.secondaries.map(({ error }) => error)).toEqual(['key-refused', 'key-refused']);
    // The first that refuses ends the command, which then says so: the other one may not have been asked by then
    const said = linesOf(await one.ended, 'secondary');
    expect(said).toContainEqual(expect.objectContaining({ ok: false, error: 'key-refused' }));
  });

  it('sends nothing when it was frozen meanwhile and thaws, in the middle of a transfer too', async () => {
    watch.next();
    await watch.put('ours');
    await watch.arrives('ours');
    await watch.run('head -c 30000000 /dev/urandom > bulk; chown www-data: bulk');
    await watch.group.primary.freeze();
    await failOver();
    const sizes = async () =>
      (
        await Promise.all(
          watch.group.secondaries.map((host) => host.exec('find /srv -type f -printf "%p %s %T@\\n" | sort')),
        )
      ).map(({ stdout }) => stdout);
    const before = await sizes();
    await watch.group.primary.thaw();
    await watch.put('late');
    await nothingArrives('late');
    expect(await sizes()).toEqual(before);
  });

  it('ends when its key is taken away, whatever of SSM still works', async () => {
    const one = watch.next();
    await watch.put('ours');
    await watch.arrives('ours');
    await watch.group.primary.exec('rm /etc/hostsync/id_ed25519');
    await watch.put('late');
    expect(linesOf(await one.ended, 'watch')).toMatchObject([{ ended: 'fenced' }]);
    expect(await watch.isNowhere('late')).toBe(true);
  });
});
