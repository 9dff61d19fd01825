import { type Account, ec2Id, instanceArn } from '../base/account.ts';
import { AwsError, LocalCloudError } from '../base/errors.ts';
import type { EventSink } from '../events/bus.ts';
import { Addresses } from './addresses.ts';
import type {
  Instance,
  InstanceStateName,
  StateReasonCode,
  StatusChecks,
  Tags,
  Trouble,
} from './instance.ts';
import { checkNewTags, checkTagLimit } from './tags.ts';

interface TagSnapshot {
  readonly at: number;
  readonly instanceId: string;
  readonly tags: Tags;
}

/** The instances of the account and region, and their tags. */
export class Ec2 {
  readonly account: Account;
  readonly addresses: Addresses;
  readonly #instances = new Map<string, Instance>();
  readonly #events: EventSink;
  readonly #history: TagSnapshot[] = [];
  readonly #impairedSeconds: number;
  readonly #staleInstances = new Map<string, number>();
  #staleSeconds = 0;
  #staleCalls: { left: number; readonly at: number } | undefined;

  /** @param impairedSeconds how long something is the matter before the status checks say so */
  constructor(account: Account, events: EventSink, impairedSeconds: number) {
    this.account = account;
    this.addresses = new Addresses(account);
    this.#events = events;
    this.#impairedSeconds = impairedSeconds;
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
    readonly privateIp: string | undefined;
    readonly ipv6?: string | undefined;
    readonly tags: Tags;
    /** tags of AWS itself, `aws:…`, which nobody else may set */
    readonly systemTags?: Tags;
    readonly metadataTags: boolean;
    /** `a` or `eu-west-1a`; default: each of three in turn */
    readonly zone?: string | undefined;
    readonly spot?: boolean | undefined;
    readonly publicAddress?: boolean | undefined;
  }): Instance {
    checkNewTags(options.tags, options.metadataTags);
    const instance: Instance = {
      id: options.id,
      reservationId: ec2Id('r'),
      launchTime: new Date(),
      metadataTags: options.metadataTags,
      availabilityZone: this.zone(options.zone ?? ['a', 'b', 'c'][this.#instances.size % 3] ?? 'a'),
      spot: options.spot ?? false,
      publicAddress: options.publicAddress ?? false,
      state: 'pending',
      stateReason: undefined,
      booting: true,
      trouble: undefined,
      reportedStatus: undefined,
      privateIp: options.privateIp,
      ipv6: options.ipv6,
      automaticIp: undefined,
      tags: new Map([...options.tags, ...(options.systemTags ?? [])]),
      tagVersion: 1,
    };
    this.#instances.set(instance.id, instance);
    this.#remember(instance);
    this.#emitState(instance);
    return instance;
  }

  /** `a` or `eu-west-1a` to `eu-west-1a`. @throws LocalCloudError when it is not one of this region */
  zone(name: string): string {
    const zone = name.length === 1 ? `${this.account.region}${name}` : name;
    if (!/^[a-f]$/.test(zone.slice(this.account.region.length)) || !zone.startsWith(this.account.region))
      throw new LocalCloudError(`${name} is no availability zone of ${this.account.region}`);
    return zone;
  }

  setState(instance: Instance, state: InstanceStateName, reason?: StateReasonCode): void {
    instance.state = state;
    if (reason !== undefined) instance.stateReason = reason;
    if (state !== 'running') instance.trouble = undefined;
    if (state === 'pending') {
      instance.launchTime = new Date();
      instance.stateReason = undefined;
      instance.booting = true;
    }
    if (state === 'terminated') {
      instance.privateIp = undefined;
      instance.ipv6 = undefined;
    }
    this.addresses.follow(instance);
    this.#emitState(instance);
  }

  /** Something is the matter with a running instance, or nothing any more. What goes on is not noted again. */
  setTrouble(instance: Instance, scope: Trouble['scope'] | undefined): void {
    if (scope === instance.trouble?.scope) return;
    instance.trouble =
      scope === undefined ? undefined : { since: instance.trouble?.since ?? new Date(), scope };
  }

  /** @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-system-instance-status-check.html */
  checksOf(instance: Instance): StatusChecks {
    const { reportedStatus, trouble, booting } = instance;
    if (reportedStatus !== undefined)
      return { system: reportedStatus, instance: reportedStatus, impairedSince: undefined };
    const noticed =
      trouble === undefined ? undefined : new Date(trouble.since.getTime() + this.#impairedSeconds * 1000);
    if (noticed !== undefined && noticed.getTime() <= Date.now()) {
      const system = trouble?.scope === 'system' ? 'impaired' : 'ok';
      return { system, instance: 'impaired', impairedSince: noticed };
    }
    const both = booting ? 'initializing' : 'ok';
    return { system: both, instance: both, impairedSince: undefined };
  }

  /** The interruption notice of a spot instance. Its ARN has the zone for a region, and no account: do not parse it. */
  warnOfInterruption(instance: Instance, action: 'terminate' | 'stop'): void {
    this.#events.emit({
      source: 'aws.ec2',
      'detail-type': 'EC2 Spot Instance Interruption Warning',
      resources: [`arn:${this.account.partition}:ec2:${instance.availabilityZone}:instance/${instance.id}`],
      detail: { 'instance-id': instance.id, 'instance-action': action },
    });
  }

  recommendRebalance(instance: Instance): void {
    this.#events.emit({
      source: 'aws.ec2',
      'detail-type': 'EC2 Instance Rebalance Recommendation',
      resources: [instanceArn(this.account, instance.id)],
      detail: { 'instance-id': instance.id },
    });
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
    checkTagLimit(next);
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

  /**
   * From now on `DescribeInstances`, and its filters, see tags as they were so many seconds ago; 0 ends it.
   *
   * @param instanceId of this instance alone; default: of all that have no number of their own
   */
  setStaleSeconds(seconds: number, instanceId?: string): void {
    if (instanceId === undefined) this.#staleSeconds = seconds;
    if (instanceId === undefined && seconds === 0) this.#staleInstances.clear();
    if (instanceId !== undefined) this.#staleInstances.set(instanceId, seconds);
  }

  /** The next `calls` calls of `DescribeInstances` show tags as they are now. */
  setStaleCalls(calls: number): void {
    this.#staleCalls = { left: calls, at: Date.now() };
  }

  /** The tags that this call of `DescribeInstances` shows, by instance id. */
  visibleTags(): ReadonlyMap<string, Tags> {
    const stale = this.#staleCalls;
    const now = Date.now();
    const frozen = stale !== undefined && stale.left > 0 ? stale.at : undefined;
    if (stale !== undefined && frozen !== undefined) stale.left -= 1;
    const asOf = (id: string): number =>
      frozen ?? now - (this.#staleInstances.get(id) ?? this.#staleSeconds) * 1000;
    const visible = new Map<string, Tags>();
    for (const { at, instanceId, tags } of this.#history) {
      // an instance that is younger than the view has the tags of its launch
      if (at <= asOf(instanceId) || !visible.has(instanceId)) visible.set(instanceId, tags);
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
