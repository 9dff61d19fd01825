import { type Account, ec2Id, instanceArn } from './account.ts';
import { AwsError } from './errors.ts';
import type { EventSink } from './event-bus.ts';

export type InstanceStateName =
  | 'pending'
  | 'running'
  | 'shutting-down'
  | 'terminated'
  | 'stopping'
  | 'stopped';

export const instanceStateCodes: Readonly<Record<InstanceStateName, number>> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
};

export type Tags = ReadonlyMap<string, string>;

export interface Instance {
  readonly id: string;
  readonly reservationId: string;
  /** of the last start: it is not the time of the first launch */
  launchTime: Date;
  readonly metadataTags: boolean;
  readonly availabilityZone: string;
  state: InstanceStateName;
  privateIp: string | undefined;
  tags: Tags;
  tagVersion: number;
}

interface TagSnapshot {
  readonly at: number;
  readonly instanceId: string;
  readonly tags: Tags;
}

/** The instances of the account and region, and their tags. */
export class Ec2 {
  readonly account: Account;
  readonly #instances = new Map<string, Instance>();
  readonly #events: EventSink;
  readonly #history: TagSnapshot[] = [];
  #staleSeconds = 0;
  #staleCalls: { left: number; readonly at: number } | undefined;

  constructor(account: Account, events: EventSink) {
    this.account = account;
    this.#events = events;
  }

  instances(): readonly Instance[] {
    return [...this.#instances.values()];
  }

  find(id: string): Instance | undefined {
    return this.#instances.get(id);
  }

  /** @throws AwsError as EC2 does for an id that is malformed or not there */
  require(id: string): Instance {
    if (!/^i-([0-9a-f]{8}|[0-9a-f]{17})$/.test(id)) {
      throw new AwsError('InvalidInstanceID.Malformed', `Invalid id: "${id}"`);
    }
    const instance = this.#instances.get(id);
    if (instance === undefined) {
      throw new AwsError('InvalidInstanceID.NotFound', `The instance ID '${id}' does not exist`);
    }
    return instance;
  }

  /** A new instance, `pending`. */
  add(options: {
    readonly id: string;
    readonly privateIp: string;
    readonly tags: Tags;
    /** tags of AWS itself, `aws:…`, which nobody else may set */
    readonly systemTags?: Tags;
    readonly metadataTags: boolean;
  }): Instance {
    checkTags([...options.tags], options.metadataTags);
    const instance: Instance = {
      id: options.id,
      reservationId: ec2Id('r'),
      launchTime: new Date(),
      metadataTags: options.metadataTags,
      availabilityZone: `${this.account.region}${['a', 'b', 'c'][this.#instances.size % 3]}`,
      state: 'pending',
      privateIp: options.privateIp,
      tags: new Map([...options.tags, ...(options.systemTags ?? [])]),
      tagVersion: 1,
    };
    this.#instances.set(instance.id, instance);
    this.#remember(instance);
    this.#emitState(instance);
    return instance;
  }

  setState(instance: Instance, state: InstanceStateName): void {
    instance.state = state;
    if (state === 'pending') instance.launchTime = new Date();
    if (state === 'terminated') instance.privateIp = undefined;
    this.#emitState(instance);
  }

  /** Overwrites tags, or takes those away whose value is undefined. */
  changeTags(instance: Instance, changes: ReadonlyMap<string, string | undefined>): void {
    const next = new Map(instance.tags);
    for (const [key, value] of changes) {
      if (value === undefined) next.delete(key);
      else next.set(key, value);
    }
    const changed = [...changes.keys()].filter((key) => instance.tags.get(key) !== next.get(key));
    if (changed.length === 0) return;
    if ([...next.keys()].filter((key) => !isReserved(key)).length > 50) {
      throw new AwsError(
        'TagLimitExceeded',
        `The maximum number of tags (50) for ${instance.id} would be exceeded.`,
      );
    }
    instance.tags = next;
    instance.tagVersion += 1;
    this.#remember(instance);
    this.#events.emit({
      source: 'aws.tag',
      'detail-type': 'Tag Change on Resource',
      resources: [instanceArn(this.account, instance.id)],
      detail: {
        'changed-tag-keys': changed,
        service: 'ec2',
        'resource-type': 'instance',
        version: instance.tagVersion,
        tags: Object.fromEntries(next),
      },
    });
  }

  /** From now on `DescribeInstances` shows tags as they were so many seconds ago; 0 ends it. */
  setStaleSeconds(seconds: number): void {
    this.#staleSeconds = seconds;
  }

  /** The next `calls` calls of `DescribeInstances` show tags as they are now. */
  setStaleCalls(calls: number): void {
    this.#staleCalls = { left: calls, at: Date.now() };
  }

  /** The tags that this call of `DescribeInstances` shows, by instance id. */
  visibleTags(): ReadonlyMap<string, Tags> {
    const stale = this.#staleCalls;
    let asOf = Date.now() - this.#staleSeconds * 1000;
    if (stale !== undefined && stale.left > 0) {
      stale.left -= 1;
      asOf = stale.at;
    } else if (this.#staleSeconds === 0) {
      return new Map(this.instances().map((instance) => [instance.id, instance.tags]));
    }
    const visible = new Map<string, Tags>();
    for (const snapshot of this.#history) {
      // an instance that is younger than the view has the tags of its launch
      if (snapshot.at <= asOf || !visible.has(snapshot.instanceId))
        visible.set(snapshot.instanceId, snapshot.tags);
    }
    return visible;
  }

  #remember(instance: Instance): void {
    this.#history.push({ at: Date.now(), instanceId: instance.id, tags: instance.tags });
  }

  #emitState(instance: Instance): void {
    this.#events.emit({
      source: 'aws.ec2',
      'detail-type': 'EC2 Instance State-change Notification',
      resources: [instanceArn(this.account, instance.id)],
      detail: { 'instance-id': instance.id, state: instance.state },
    });
  }
}

export function isReserved(key: string): boolean {
  return key.toLowerCase().startsWith('aws:');
}

/** The limits of EC2 for tags that a user sets (UserGuide, Using_Tags). @throws AwsError */
export function checkTags(tags: readonly (readonly [string, string])[], metadataTags: boolean): void {
  const invalid = (message: string): AwsError => new AwsError('InvalidParameterValue', message);
  if (new Set(tags.map(([key]) => key)).size < tags.length)
    throw invalid('Duplicate tag keys were specified.');
  for (const [key, value] of tags) {
    if (isReserved(key)) throw invalid(`Tag keys starting with 'aws:' are reserved for internal use: ${key}`);
    if (key === '' || [...key].length > 128) throw invalid(`Tag key must have 1 to 128 characters: ${key}`);
    if ([...value].length > 256)
      throw invalid(`Tag value exceeds the maximum length of 256 characters: ${key}`);
    if (metadataTags && (/[ /]/.test(key) || ['.', '..', '_index'].includes(key))) {
      throw invalid(
        `'${key}' is not a valid tag key. Tag keys must not contain a space or /, with tags in instance metadata.`,
      );
    }
  }
}
