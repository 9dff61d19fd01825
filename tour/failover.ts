// The part of the tour in which the primary is killed while files are uploaded, another takes over, and nothing is lost.
import { setTimeout as sleep } from 'node:timers/promises';
import type { LocalCloud, LocalInstance } from 'local-cloud';
import type { Presenter } from './presenter.ts';

/** An editor who uploads without a break, until told to stop. */
interface Editor {
  /** Names, in order, of what the host had taken in full. */
  stop(): Promise<readonly string[]>;
}

/**
 * Stops the primary under an editor's hands; sees a secondary promoted; starts the old one again, and sees what only it held
 * brought to the new one.
 *
 * @param upload puts one file of this name on a host
 * @returns the new primary
 */
export async function showFailover(
  cloud: LocalCloud,
  presenter: Presenter,
  upload: (to: LocalInstance, name: string) => Promise<void>,
  primary: LocalInstance,
  others: readonly LocalInstance[],
): Promise<LocalInstance> {
  const before = cloud.messages().length;
  const editor = startEditor(primary, upload);
  await presenter.step('an editor uploads, one file after the other; pushes go on', () => sleep(4_000));
  const killedAt = Date.now();
  const uploading = editor.stop();
  await primary.stop();
  const uploaded = await uploading;
  const next = await presenter.step(`the primary is killed in the middle of it: until another one is`, () =>
    cloud.waitFor(() => others.find(({ tags }) => tags['hostsync:primary'] !== undefined), {
      what: 'a promotion',
      timeoutSeconds: 60,
    }),
  );
  const seconds = (Date.now() - killedAt) / 1000;
  const message = (part: string) =>
    cloud
      .messages()
      .slice(before)
      .find(({ subject }) => subject?.includes(part) ?? false);
  const promoted = await cloud.waitFor(() => message('is the primary now'), { what: 'the message' });
  const there = await names(next);
  const missing = uploaded.filter((name) => !there.has(name));
  presenter.table(
    ['died', 'new primary', 'epoch', 'seconds without', 'uploaded', 'of these only on the dead host'],
    [
      [
        ...[
          primary.host.hostname,
          next.host.hostname,
          next.tags['hostsync:primary'] ?? '',
          seconds.toFixed(1),
        ],
        ...[String(uploaded.length), String(missing.length)],
      ],
    ],
  );
  for (const line of promoted.message.trimEnd().split('\n')) presenter.note(`| ${line}`.trimEnd());
  await upload(next, 'after-the-failover');
  await presenter.step(
    `${primary.host.hostname} comes back: kept apart, rescued, joined as a secondary`,
    async () => {
      await primary.start();
      await cloud.waitFor(() => primary.tags['hostsync:state'] === 'in-sync', {
        what: `${primary.host.hostname} in sync`,
        timeoutSeconds: 100,
      });
    },
  );
  if (missing.length > 0) {
    const rescued = await cloud.waitFor(() => message('were rescued'), { what: 'the message' });
    presenter.note(`Subject: ${rescued.subject}`);
  }
  const after = await names(next);
  const lost = uploaded.filter((name) => !after.has(name));
  if (lost.length > 0) throw new Error(`lost in the failover: ${lost.join(', ')}`);
  presenter.note(`all ${uploaded.length} uploads are on ${next.host.hostname} now; none was lost`);
  return next;
}

function startEditor(
  host: LocalInstance,
  upload: (to: LocalInstance, name: string) => Promise<void>,
): Editor {
  const uploaded: string[] = [];
  let going = true;
  const work = (async () => {
    for (let number = 1; going; number += 1) {
      const name = `live-${String(number).padStart(4, '0')}`;
      try {
        await upload(host, name);
      } catch {
        return; // the host died under it: this one was not taken
      }
      uploaded.push(name);
    }
  })();
  return {
    stop: async () => {
      // a moment longer than the kill, which takes a moment as well
      setTimeout(() => {
        going = false;
      }, 3_000);
      await work;
      return uploaded;
    },
  };
}

async function names(host: LocalInstance): Promise<ReadonlySet<string>> {
  const { stdout } = await host.exec(['bash', '-c', 'cd /srv/uploads && ls -d live-* 2>/dev/null']);
  return new Set(stdout.split('\n').filter((name) => name !== ''));
}
