// The part of the tour in which a secondary is lost, that is told, and it comes back.
import type { LocalCloud, LocalInstance } from './cloud.ts';
import type { Stage } from './stage.ts';

/** Cuts a secondary off while files are uploaded, until the alert is there; heals it, until the recovery is told. */
export async function showTrouble(
  cloud: LocalCloud,
  stage: Stage,
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
  const alert = await stage.step(
    `cut ${lost.host.hostname} off the network, and upload: until the alert`,
    // A push that is under way when the network goes notices it after io-timeout, 60 seconds
    () => cloud.waitFor(() => message('is behind'), { what: 'the alert', timeoutSeconds: 100 }),
  );
  show(stage, alert);
  showLag(stage, secondaries);
  await lost.heal();
  const recovery = await stage.step('heal it: until the recovery is told', () =>
    cloud.waitFor(() => message('is in sync again'), { what: 'the recovery', timeoutSeconds: 60 }),
  );
  show(stage, recovery);
  showLag(stage, secondaries);
  const told = cloud.messages().length - before;
  if (told !== 2) throw new Error(`${told} messages, where one alert and one recovery were due`);
}

function show(
  stage: Stage,
  { subject, message }: { readonly subject?: string | undefined; readonly message: string },
) {
  stage.note(`Subject: ${subject}`);
  for (const line of message.trimEnd().split('\n')) stage.note(`| ${line}`.trimEnd());
}

function showLag(stage: Stage, secondaries: readonly LocalInstance[]): void {
  stage.table(
    ['host', 'instance', 'state', 'trouble', 'seconds behind'],
    secondaries.map(({ host, id, tags }) => {
      const syncedAt = Date.parse(tags['hostsync:synced-at'] ?? '');
      return [
        ...[host.hostname, id, tags['hostsync:state'] ?? '', tags['hostsync:trouble'] ?? ''],
        ((Date.now() - syncedAt) / 1000).toFixed(1),
      ];
    }),
  );
}
