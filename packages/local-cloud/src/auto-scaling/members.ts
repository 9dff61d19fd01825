import { LocalCloudError } from '../base/errors.ts';
import type { LocalInstance } from '../ec2/local-instance.ts';
import type { LifecycleAction } from './hooks.ts';
import { isRetained, type LifecycleState, type Member } from './member.ts';

/** How a call names a lifecycle action. */
export interface ActionKey {
  readonly token?: string | undefined;
  readonly instanceId?: string | undefined;
}

/** The instances of one group, its warm pool's included. */
export class Members {
  readonly #group: string;
  readonly #members = new Map<string, Member>();
  #order = 0;

  constructor(group: string) {
    this.#group = group;
  }

  /** The oldest first. */
  all(): readonly Member[] {
    return [...this.#members.values()].sort((a, b) => a.order - b.order);
  }

  /** The place of the next one that is to be launched or attached. */
  nextOrder(): number {
    this.#order += 1;
    return this.#order;
  }

  find(id: string): Member | undefined {
    return this.#members.get(id);
  }

  add(member: Member): void {
    this.#members.set(member.instance.id, member);
  }

  /** @returns whether it was there */
  delete(id: string): boolean {
    return this.#members.delete(id);
  }

  /** @throws LocalCloudError when it is not in the group, or on its way out and not retained */
  require(instance: LocalInstance): Member {
    const member = this.#members.get(instance.id);
    if (member === undefined) throw new LocalCloudError(`${instance.id} is not in the group ${this.#group}`);
    if (/^(Warmed:)?Terminating/.test(member.state) && !isRetained(member.state))
      throw new LocalCloudError(`${instance.id} is on its way out: ${member.state}`);
    return member;
  }

  /** @throws LocalCloudError when it is not in service */
  inService(instance: LocalInstance): Member {
    const member = this.require(instance);
    if (member.state !== 'InService')
      throw new LocalCloudError(`${instance.id} is ${member.state}, not InService`);
    return member;
  }

  /** The oldest first. @throws LocalCloudError when there are not so many */
  first(count: number, state: LifecycleState, also: (member: Member) => boolean): readonly Member[] {
    const found = this.all().filter((member) => member.state === state && also(member));
    if (found.length < count)
      throw new LocalCloudError(`the group ${this.#group} has ${found.length} to choose from, not ${count}`);
    return found.slice(0, count);
  }

  /** What is scaled in. @throws LocalCloudError when it is not in service, or protected */
  choose(which: LocalInstance | number): readonly Member[] {
    if (typeof which === 'number')
      return this.first(which, 'InService', (member) => !member.protectedFromScaleIn);
    const member = this.inService(which);
    if (member.protectedFromScaleIn)
      throw new LocalCloudError(`${which.id} is protected from scale-in; terminateInstance() does not mind`);
    return [member];
  }

  /** The action that a call means, by its token or else by its instance; undefined when none is active. */
  findAction(hook: string, { token, instanceId }: ActionKey): LifecycleAction | undefined {
    return this.all()
      .flatMap(({ actions }) => actions)
      .find(
        (action) =>
          action.active &&
          action.hook.name === hook &&
          (token === undefined || action.token === token) &&
          (instanceId === undefined || action.instanceId === instanceId),
      );
  }
}
