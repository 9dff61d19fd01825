// The part of the tour in which a secondary is lost, an alert says so, and it comes back.
import type { LocalCloud, LocalInstance } from 'local-cloud';
import type { Presenter } from './presenter.ts';
import { pushResults } from './pushes.ts';

/** Cuts a secondary off while files are uploaded, until the alert is there; heals it, until the alert is resolved. */
export async function showTrouble(
  cloud: LocalCloud,
  presenter: Presenter,
  upload: () => Promise<void>,
  secondaries: readonly LocalInstance[],
): Promise<void> {
  const lost = secondaries.at(-1);
  if (lost === undefined) throw new Error('no secondary to lose');
  const before = cloud.messages().length;
  const message = (start: string) =>
    cloud
      .messages()
      .slice(before)
      .find(({ subject }) => subject?.includes(`${lost.id} ${start}`) ?? false);
  await lost.cutOff();
  await upload();
  const alert = await presenter.step(
    `cut ${lost.host.hostname} off the network, and upload: until the alert`,
    // A push that is under way when the network goes notices it after io-timeout, 60 seconds
    () => cloud.waitFor(() => message('is behind'), { what: 'the alert', timeoutSeconds: 100 }),
  );
  show(presenter, alert);
  showLag(presenter, cloud, secondaries);
  await lost.heal();
  const recovery = await presenter.step('heal it: until the alert is resolved', () =>
    cloud.waitFor(() => message('is in sync again'), { what: 'the recovery', timeoutSeconds: 60 }),
  );
  show(presenter, recovery);
  showLag(presenter, cloud, secondaries);
  const told = cloud.messages().length - before;
  if (told !== 2) throw new Error(`${told} messages, where one alert and one recovery were due`);
}

function show(
  presenter: Presenter,
  { subject, message }: { readonly subject?: string | undefined; readonly message: string },
) {
  presenter.note(`Subject: ${subject}`);
  for (const line of message.trimEnd().split('\n')) presenter.note(`| ${line}`.trimEnd());
}

function showLag(presenter: Presenter, cloud: LocalCloud, secondaries: readonly LocalInstance[]): void {
  const rows = secondaries.map(({ host, id, tags }) => {
    const last = pushResults(cloud, id).findLast(({ ok }) => ok)?.started;
    const seconds = last === undefined ? '?' : (Date.now() / 1000 - last).toFixed(1);
    return [host.hostname, id, tags['hostsync:state'] ?? '', seconds];
  });
  presenter.table(['host', 'instance', 'state', 'seconds behind'], rows);
}
