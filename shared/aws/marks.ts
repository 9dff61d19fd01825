import { noNotes, placeOf, withNotes } from '../core/model/notes.ts';
import type { ObservedInstance } from '../core/model/observation.ts';
import { tagKeys } from '../core/model/tag-keys.ts';
import { parseTime } from '../core/model/time.ts';
import type { Clients } from './clients.ts';
import { errorsOf, throwAll } from './errors.ts';
import { type Memory, type Remembered, writeNotes, writeSynced } from './memory.ts';
import { TagWriter } from './tags.ts';

/** What is written of one host or one group, by key; undefined for what was taken away. */
type Change = ReadonlyMap<string, string | undefined>;

/** What hostsync writes of the hosts of one group, in tags and in the table, each in its place. */
export class Marks {
  readonly #memory: Memory;
  readonly #group: string;
  readonly #tags: TagWriter;
  #members: ReadonlySet<string> = new Set();
  #head: Remembered['head'];
  /** Notes as they were read or written last; of the group under the empty id. */
  readonly #notes = new Map<string, Map<string, string>>();

  /** @param group empty for instances that have lost theirs: nothing is remembered of them */
  constructor({ ec2 }: Pick<Clients, 'ec2'>, memory: Memory, group: string) {
    this.#tags = new TagWriter(ec2);
    this.#memory = memory;
    this.#group = group;
  }

  /** The members, each with what is remembered of it. EC2 may show old tags for a while: what was written since takes their place. */
  overlay(
    seen: readonly ObservedInstance[],
    remembered: Pick<Remembered, 'head' | 'notes'> | undefined,
  ): readonly ObservedInstance[] {
    const { head, notes = noNotes } = remembered ?? {};
    this.#members = new Set(seen.map(({ id }) => id));
    this.#head = head;
    this.#notes.clear();
    this.#notes.set('', new Map(Object.entries(notes.group)));
    for (const [id, its] of notes.hosts) this.#notes.set(id, new Map(Object.entries(its)));
    return withNotes(this.#tags.overlay(seen), head, notes);
  }

  /**
   * Sets the same on all of these instances; one that cannot have it keeps no other from it. What is remembered is written before tags,
   * which say that a host is there.
   *
   * @throws {OutdatedError} when another run has changed what is remembered
   */
  async write(instances: readonly string[], values: Readonly<Record<string, string>>): Promise<void> {
    if (instances.length === 0) return;
    const entries = Object.entries(values);
    await this.#note(instances, new Map(entries.filter(([key]) => placeOf(key) !== 'tag')));
    await this.#tags.write(instances, Object.fromEntries(entries.filter(([key]) => placeOf(key) === 'tag')));
  }

  /** Takes these away, whatever their values. */
  async remove(instance: string, keys: readonly string[]): Promise<void> {
    const noted = keys.filter((key) => placeOf(key) !== 'tag').map((key) => [key, undefined] as const);
    await this.#note([instance], new Map(noted));
    await this.#tags.remove(
      instance,
      keys.filter((key) => placeOf(key) === 'tag'),
    );
  }

  async #note(instances: readonly string[], change: Change): Promise<void> {
    const at = (place: string): Change => new Map([...change].filter(([key]) => placeOf(key) === place));
    await this.#noteHead(instances, at('head'));
    const ofHost = at('host');
    const writing = instances.map((id) => this.#write(id, ofHost));
    throwAll(await errorsOf([this.#write('', at('group')), ...writing]));
  }

  async #write(host: string, change: Change): Promise<void> {
    if (change.size === 0) return;
    const seen = this.#notes.get(host) ?? new Map<string, string>();
    await writeNotes(this.#memory, this.#group, host === '' ? undefined : host, change, seen);
    for (const [key, value] of change)
      if (value === undefined) seen.delete(key);
      else seen.set(key, value);
    this.#notes.set(host, seen);
  }

  async #noteHead(instances: readonly string[], change: Change): Promise<void> {
    if (change.size === 0) return;
    const syncedAt = change.get(tagKeys.syncedAt);
    const time = syncedAt === undefined ? undefined : parseTime(syncedAt);
    const synced = new Map(change.has(tagKeys.syncedAt) ? instances.map((id) => [id, time] as const) : []);
    const outside = change.has(tagKeys.outside) ? (change.get(tagKeys.outside) ?? null) : undefined;
    this.#head = await writeSynced(
      this.#memory,
      this.#group,
      { synced, outside, members: this.#members },
      this.#head,
    );
  }
}
