import { CreateTagsCommand, DeleteTagsCommand, type EC2Client } from '@aws-sdk/client-ec2';
import type { ObservedInstance } from '../core/model/observation.ts';
import { errorsOf, hasCode, throwAll } from './errors.ts';

/** EC2 then writes none of them, or some: which is not documented. Source: EC2 API guide, error codes. */
const oneIsBad = new Set(['InvalidInstanceID.NotFound', 'TagLimitExceeded']);

/**
 * Writes tags, and remembers what it wrote: EC2 may show old tags for a while, and a plan that is made from them would
 * do again what was just done.
 */
export class TagWriter {
  readonly #ec2: EC2Client;
  /** By instance: what was written last, undefined for what was taken away. */
  readonly #written = new Map<string, Map<string, string | undefined>>();

  constructor(ec2: EC2Client) {
    this.#ec2 = ec2;
  }

  /** Sets the same tags on all of these instances, with one call; one that cannot have them keeps no other from them. */
  async write(instances: readonly string[], tags: Readonly<Record<string, string>>): Promise<void> {
    const entries = Object.entries(tags);
    if (instances.length === 0 || entries.length === 0) return;
    const Tags = entries.map(([Key, Value]) => ({ Key, Value }));
    try {
      await this.#ec2.send(new CreateTagsCommand({ Resources: [...instances], Tags }));
    } catch (error) {
      if (instances.length === 1 || !hasCode(error, oneIsBad)) throw error;
      return throwAll(await errorsOf(instances.map((id) => this.write([id], tags))));
    }
    for (const [key, value] of entries) this.#remember(instances, key, value);
  }

  /** Takes these tags away, whatever their values. Without keys it does nothing: EC2 would take all tags away. */
  async remove(instance: string, keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    await this.#ec2.send(
      new DeleteTagsCommand({ Resources: [instance], Tags: keys.map((Key) => ({ Key })) }),
    );
    for (const key of keys) this.#remember([instance], key, undefined);
  }

  /** What was observed, with what was written since in place of what EC2 may still show. */
  overlay(instances: readonly ObservedInstance[]): readonly ObservedInstance[] {
    return instances.map((instance) => {
      const written = this.#written.get(instance.id);
      if (written === undefined) return instance;
      const tags = new Map(Object.entries(instance.tags));
      for (const [key, value] of written)
        if (value === undefined) tags.delete(key);
        else tags.set(key, value);
      return { ...instance, tags: Object.fromEntries(tags) };
    });
  }

  #remember(instances: readonly string[], key: string, value: string | undefined): void {
    for (const instance of instances) {
      const written = this.#written.get(instance) ?? new Map<string, string | undefined>();
      this.#written.set(instance, written.set(key, value));
    }
  }
}
