import { randomBytes } from 'node:crypto';
import { type Account, arnOf } from '../base/account.ts';
import type { Clock } from '../base/clock.ts';
import { AwsError, LocalCloudError } from '../base/errors.ts';
import type { Ec2 } from '../ec2/ec2.ts';
import type { Instance } from '../ec2/instance.ts';
import { checkNewTags } from '../ec2/tags.ts';

export interface TargetGroupOptions {
  /** letters, digits and hyphens, at most 32 */
  readonly name: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** default 80 */
  readonly port?: number;
  /** seconds that a target is drained, which `timeScale` makes shorter; default 300, as on AWS */
  readonly deregistrationDelay?: number;
}

export type TargetState = 'initial' | 'healthy' | 'unhealthy' | 'unused' | 'draining';

/** A target and its health, as `DescribeTargetHealth` gives it. */
export interface Target {
  readonly instanceId: string;
  readonly port: number;
  readonly state: TargetState;
  readonly reason: string | undefined;
}

interface Registration {
  readonly instanceId: string;
  readonly port: number;
  readonly at: Date;
  drainedAt: number | undefined;
}

/** Source: API reference of Elastic Load Balancing, `Tag`. */
const tagText = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

// How long a new target is `initial` here; on AWS it takes a few health checks.
const initialSeconds = 0.2;

/** A target group of instances, behind a load balancer that is not there. */
export class TargetGroup {
  readonly name: string;
  readonly arn: string;
  readonly port: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly deregistrationDelay: number;
  readonly #ec2: Ec2;
  readonly #clock: Clock;
  #registrations: Registration[] = [];

  /** Use `cloud.createTargetGroup`. */
  constructor(options: TargetGroupOptions, deps: { account: Account; ec2: Ec2; clock: Clock }) {
    this.name = options.name;
    this.port = options.port ?? 80;
    this.tags = { ...options.tags };
    this.deregistrationDelay = options.deregistrationDelay ?? 300;
    const id = randomBytes(8).toString('hex');
    this.arn = arnOf(deps.account, 'elasticloadbalancing', `targetgroup/${options.name}/${id}`);
    this.#ec2 = deps.ec2;
    this.#clock = deps.clock;
    checkNewTags(new Map(Object.entries(this.tags)), false);
    for (const text of Object.entries(this.tags).flat())
      if (!tagText.test(text))
        throw new AwsError(
          'ValidationError',
          `'${text}' has characters that a tag of a target group cannot have`,
        );
  }

  /** The targets, those that are drained included. */
  targets(): readonly Target[] {
    this.#forgetDrained();
    return this.#registrations.map((registration) => ({
      instanceId: registration.instanceId,
      port: registration.port,
      ...this.#health(registration),
    }));
  }

  /** @throws AwsError InvalidTarget: an instance must be running to register; all or none */
  register(targets: readonly { readonly id: string; readonly port: number | undefined }[]): void {
    this.#forgetDrained();
    const instances = targets.map(({ id }) => this.#instance(id));
    const notRunning = instances.filter(({ state }) => state !== 'running').map(({ id }) => `'${id}'`);
    if (notRunning.length > 0) {
      throw new AwsError(
        'InvalidTarget',
        `The following targets are not in a running state and cannot be registered: ${notRunning.join(', ')}`,
      );
    }
    for (const { id, port = this.port } of targets) {
      const known = this.#registrations.find((r) => r.instanceId === id && r.port === port);
      if (known !== undefined && known.drainedAt === undefined) continue;
      this.#registrations = this.#registrations.filter((registration) => registration !== known);
      this.#registrations.push({ instanceId: id, port, at: new Date(), drainedAt: undefined });
    }
  }

  /** "If the specified target does not exist, the action returns successfully." */
  deregister(targets: readonly { readonly id: string; readonly port: number | undefined }[]): void {
    for (const { id, port = this.port } of targets) {
      const known = this.#registrations.find((r) => r.instanceId === id && r.port === port);
      if (known !== undefined)
        known.drainedAt ??= Date.now() + this.#clock.scaledMs(this.deregistrationDelay);
    }
  }

  /** @throws AwsError InvalidTarget for what is no instance */
  healthOf(id: string, port: number): Target {
    this.#instance(id);
    const found = this.targets().find((target) => target.instanceId === id && target.port === port);
    return found ?? { instanceId: id, port, state: 'unused', reason: 'Target.NotRegistered' };
  }

  #instance(id: string): Instance {
    const instance = this.#ec2.find(id);
    if (instance === undefined)
      throw new AwsError('InvalidTarget', `The following targets are not valid instances: '${id}'`);
    return instance;
  }

  /** Drained targets are gone, and those that were terminated: Elastic Load Balancing takes them off by itself. */
  #forgetDrained(): void {
    this.#registrations = this.#registrations.filter(
      ({ instanceId, drainedAt }) =>
        (drainedAt === undefined || drainedAt > Date.now()) &&
        this.#ec2.find(instanceId)?.state !== 'terminated',
    );
  }

  #health(registration: Registration): Pick<Target, 'state' | 'reason'> {
    const instance = this.#ec2.find(registration.instanceId);
    if (registration.drainedAt !== undefined)
      return { state: 'draining', reason: 'Target.DeregistrationInProgress' };
    if (instance?.state !== 'running') return { state: 'unused', reason: 'Target.InvalidState' };
    if (instance.trouble !== undefined) return { state: 'unhealthy', reason: 'Target.Timeout' };
    if (instance.booting) return { state: 'unhealthy', reason: 'Target.FailedHealthChecks' };
    if (Date.now() - registration.at.getTime() < initialSeconds * 1000)
      return { state: 'initial', reason: 'Elb.RegistrationInProgress' };
    return { state: 'healthy', reason: undefined };
  }
}

/** The target groups of the account and region. */
export class TargetGroups {
  readonly account: Account;
  readonly #ec2: Ec2;
  readonly #clock: Clock;
  readonly #groups = new Map<string, TargetGroup>();

  constructor(account: Account, ec2: Ec2, clock: Clock) {
    this.account = account;
    this.#ec2 = ec2;
    this.#clock = clock;
  }

  /** @throws LocalCloudError when AWS would refuse it */
  create(options: TargetGroupOptions): TargetGroup {
    const { name, deregistrationDelay = 300 } = options;
    if (!/^(?!-)[A-Za-z0-9-]{1,32}(?<!-)$/.test(name))
      throw new LocalCloudError(`'${name}' is no name of a target group: 32 letters, digits and hyphens`);
    if (this.find(name) !== undefined) throw new LocalCloudError(`there is a target group ${name} already`);
    if (!(deregistrationDelay >= 0 && deregistrationDelay <= 3600))
      throw new LocalCloudError(`${name}: the deregistration delay is 0 to 3600 seconds`);
    const group = new TargetGroup(options, { account: this.account, ec2: this.#ec2, clock: this.#clock });
    this.#groups.set(group.arn, group);
    return group;
  }

  all(): readonly TargetGroup[] {
    return [...this.#groups.values()];
  }

  find(name: string): TargetGroup | undefined {
    return this.all().find((group) => group.name === name);
  }

  byArn(arn: string): TargetGroup | undefined {
    return this.#groups.get(arn);
  }
}
