import type { ObservedInstance } from './observation.ts';
import { shardNumber } from './secondaries.ts';
import { configurationTagKeys, tagKeys } from './tag-keys.ts';
import { digest } from './task.ts';

/** The tags of a primary that outlive it. */
export function mirroredTags({ tags }: ObservedInstance): Readonly<Record<string, string>> {
  const kept = Object.entries(tags).filter(([key]) => isConfiguration(key) || key === tagKeys.primary);
  return Object.fromEntries(kept);
}

/** Changes with every tag of a primary that its mirror holds, and with the primary. */
export function mirrorDigest(primary: ObservedInstance): string {
  return digest(JSON.stringify([primary.id, ...Object.entries(mirroredTags(primary)).sort(byKey)]));
}

/** Is it one of the tags that move from one primary to the next? */
export function isConfiguration(key: string): boolean {
  return (
    configurationTagKeys.includes(key) ||
    shardNumber(key) !== undefined ||
    key === tagKeys.paused ||
    key === tagKeys.mode
  );
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
