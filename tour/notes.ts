import type { LocalCloud } from 'local-cloud';

/** What the table remembers of a host and its group, by the names of docs/memory.md; `synced-at` is an ISO 8601 time. */
export async function notesOf(
  cloud: LocalCloud,
  host: string,
  group: string,
): Promise<Readonly<Record<string, string>>> {
  const notes = new Map<string, string>();
  for (const item of await cloud.table('Memory').items()) {
    if (item['pk']?.['S'] !== `group#${group}`) continue;
    const sk = item['sk']?.['S'];
    if (sk === 'notes' || sk === `host#${host}`)
      for (const [name, { S: text }] of Object.entries(item))
        if (typeof text === 'string' && name !== 'pk' && name !== 'sk') notes.set(name, text);
    if (sk !== 'head') continue;
    const synced: unknown = Object.entries(item['synced']?.['M'] ?? {}).find(([id]) => id === host)?.[1]?.N;
    if (typeof synced === 'string') notes.set('synced-at', new Date(Number(synced)).toISOString());
  }
  return Object.fromEntries(notes);
}
