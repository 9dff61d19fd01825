import { type Account, ec2Id } from '../base/account.ts';
import { AwsError, LocalCloudError } from '../base/errors.ts';
import type { Instance, Tags } from './instance.ts';

/** An Elastic IP address: it stays the account's until it is released, and may be moved from instance to instance. */
export interface ElasticAddress {
  readonly allocationId: string;
  readonly publicIp: string;
  readonly associationId: string | undefined;
  readonly instanceId: string | undefined;
  readonly tags: Tags;
}

interface Allocation {
  readonly allocationId: string;
  readonly publicIp: string;
  readonly tags: Tags;
  association: { readonly id: string; readonly instance: Instance } | undefined;
}

/** The one network interface of an instance. */
export function networkInterfaceId(instanceId: string): string {
  return `eni-${instanceId.slice(2)}`;
}

/** The networks that RFC 5737 keeps for examples: nothing is reached there. */
const networks = ['198.51.100', '203.0.113'];

/** The public addresses of the region. They are names only: hosts reach each other by their private addresses. */
export class Addresses {
  readonly account: Account;
  readonly #allocations = new Map<string, Allocation>();
  #next = 0;

  constructor(account: Account) {
    this.account = account;
  }

  allocate(tags: Tags = new Map()): ElasticAddress {
    const allocation: Allocation = {
      allocationId: ec2Id('eipalloc'),
      publicIp: this.#free(),
      tags,
      association: undefined,
    };
    this.#allocations.set(allocation.allocationId, allocation);
    return view(allocation);
  }

  all(): readonly ElasticAddress[] {
    return [...this.#allocations.values()].map(view);
  }

  /** @throws AwsError when there is no such address */
  get(allocationId: string): ElasticAddress {
    return view(this.#require(allocationId));
  }

  /** Gives it back. @throws AwsError when it is associated */
  release(allocationId: string): void {
    const { association, publicIp } = this.#require(allocationId);
    if (association !== undefined)
      throw new AwsError('InvalidIPAddress.InUse', `The address ${publicIp} is in use`);
    this.#allocations.delete(allocationId);
  }

  /**
   * Puts an address on an instance, in the place of the one that it has.
   *
   * @param reassociate also away from another instance
   * @throws AwsError as EC2 does
   */
  associate(allocationId: string, instance: Instance, reassociate: boolean): string {
    const allocation = this.#require(allocationId);
    const { association } = allocation;
    if (['pending', 'shutting-down', 'terminated'].includes(instance.state))
      throw new AwsError(
        'InvalidInstanceID',
        `The ${instance.state} instance '${instance.id}' is not in a valid state for this operation.`,
      );
    if (instance.privateIp === undefined)
      throw new AwsError(
        'InvalidParameterValue',
        `The instance '${instance.id}' has no private IPv4 address for ${allocation.publicIp}.`,
      );
    if (association?.instance === instance) return association.id;
    if (association !== undefined && !reassociate)
      throw new AwsError(
        'Resource.AlreadyAssociated',
        `resource ${allocationId} is already associated with ${association.instance.id}`,
      );
    for (const other of this.#allocations.values())
      if (other.association?.instance === instance) other.association = undefined;
    const id = ec2Id('eipassoc');
    allocation.association = { id, instance };
    instance.automaticIp = undefined;
    return id;
  }

  /** Takes it off. The instance then has no public address until it is started again. @throws AwsError when it is not associated */
  disassociate(associationId: string): void {
    const found = [...this.#allocations.values()].find(
      ({ association }) => association?.id === associationId,
    );
    if (found === undefined)
      throw new AwsError(
        'InvalidAssociationID.NotFound',
        `The association ID '${associationId}' does not exist`,
      );
    found.association = undefined;
  }

  /** The address under which the instance is known outside. */
  publicIpOf(instance: Instance): string | undefined {
    return this.#of(instance)?.publicIp ?? instance.automaticIp;
  }

  allocationOf(instance: Instance): ElasticAddress | undefined {
    const allocation = this.#of(instance);
    return allocation && view(allocation);
  }

  /** A running instance has the address that EC2 gives it; a stopped one has lost it, and a terminated one its Elastic IP too. */
  follow(instance: Instance): void {
    const { state } = instance;
    if (state === 'running' && instance.publicAddress && this.publicIpOf(instance) === undefined)
      instance.automaticIp = this.#free();
    if (state === 'stopped' || state === 'terminated') instance.automaticIp = undefined;
    const allocation = state === 'terminated' ? this.#of(instance) : undefined;
    if (allocation !== undefined) allocation.association = undefined;
  }

  #of(instance: Instance): Allocation | undefined {
    return [...this.#allocations.values()].find(({ association }) => association?.instance === instance);
  }

  #require(allocationId: string): Allocation {
    const found = this.#allocations.get(allocationId);
    if (found === undefined)
      throw new AwsError(
        'InvalidAllocationID.NotFound',
        `The allocation ID '${allocationId}' does not exist`,
      );
    return found;
  }

  /** Never one that was there before: who still holds on to it is not to meet somebody else. */
  #free(): string {
    const number = this.#next++;
    const network = networks[Math.floor(number / 254)];
    if (network === undefined) throw new LocalCloudError('the local cloud has no more public addresses');
    return `${network}.${1 + (number % 254)}`;
  }
}

function view({ allocationId, publicIp, tags, association }: Allocation): ElasticAddress {
  return {
    allocationId,
    publicIp,
    tags,
    associationId: association?.id,
    instanceId: association?.instance.id,
  };
}
