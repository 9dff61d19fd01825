import { CancelCommandCommand, SendCommandCommand } from '@aws-sdk/client-ssm';
import { codeOf, pause } from './connection.ts';
import { commandOnHost } from './hosts.ts';
import type { Figure } from './report.ts';
import { type Scene, secondaryOf } from './scene.ts';

/** Commands at once; the first burst that is throttled is the last. */
const bursts = [5, 10, 20, 40];

/** How many commands SSM takes at once. */
export async function measureThrottling(scene: Scene): Promise<readonly Figure[]> {
  const { clients, signal } = scene;
  const { id } = await secondaryOf(scene);
  const figures: Figure[] = [];
  for (const burst of bursts) {
    const began = Date.now();
    const sent = await Promise.allSettled(
      Array.from({ length: burst }, () =>
        clients.hastySsm.send(
          new SendCommandCommand({
            DocumentName: 'AWS-RunShellScript',
            InstanceIds: [id],
            Parameters: { commands: ['true'] },
          }),
        ),
      ),
    );
    const seconds = (Date.now() - began) / 1000;
    const ids = sent.flatMap((each) =>
      each.status === 'fulfilled' ? (each.value.Command?.CommandId ?? []) : [],
    );
    const errors = sent.flatMap((each) => (each.status === 'rejected' ? codeOf(each.reason) : []));
    const refused = [...new Set(errors)].map(
      (code) => `${errors.filter((each) => each === code).length} ${code}`,
    );
    const value = `${ids.length} taken in ${seconds.toFixed(1)} s${refused.length > 0 ? `, ${refused.join(', ')}` : ''}`;
    figures.push({ name: `${burst} at once`, value });
    await cancelAll(scene, ids);
    await pause(2, signal);
    if (refused.length > 0) break;
  }
  return figures;
}

/** What has not begun yet need not. One after the other: these calls are limited as well. */
export async function cancelAll({ clients, signal }: Scene, ids: readonly string[]): Promise<void> {
  for (const CommandId of ids) {
    signal.throwIfAborted();
    await clients.ssm.send(new CancelCommandCommand({ CommandId })).catch(() => undefined);
  }
}

/** How much of what a command says can be read. */
export async function measureOutput(scene: Scene): Promise<readonly Figure[]> {
  const { clients, signal } = scene;
  const { id } = await secondaryOf(scene);
  const lines = ["head -c 30000 /dev/zero | tr '\\0' o", "head -c 20000 /dev/zero | tr '\\0' e >&2"];
  const began = Date.now();
  const seen = await commandOnHost(id, lines, { ssm: clients.ssm, signal });
  const seconds = (Date.now() - began) / 1000;
  const out = seen.StandardOutputContent ?? '';
  const error = seen.StandardErrorContent ?? '';
  return [
    { name: 'from SendCommand until the end is seen', value: seconds, unit: 's' },
    { name: 'of 30,000 of standard output', value: out.length, unit: 'characters' },
    { name: 'added to it', value: addedTo(out, 'o') },
    { name: 'of 20,000 of standard error', value: error.length, unit: 'characters' },
    { name: 'added to it', value: addedTo(error, 'e') },
  ];
}

/** Words that are not the command's own. */
export function addedTo(text: string, letter: string): string {
  const added = text.replaceAll(new RegExp(`${letter}{20,}`, 'gu'), '').trim();
  return added === '' ? 'nothing' : added.slice(0, 200);
}
