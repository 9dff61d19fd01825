import type { LocalInstance } from '../ec2/local-instance.ts';
import type { LifecycleAction, LifecycleResult } from './hooks.ts';

/** The states that instances have here; AWS has more (hibernated, replacing the root volume). */
export type LifecycleState =
  | 'InService'
  | 'Terminated'
  | `${Exclude<Passage, 'Pending'>}:Retained`
  | 'EnteringStandby'
  | 'Standby'
  | 'Detaching'
  | 'Detached'
  | 'Warmed:Terminated'
  | 'Warmed:Running'
  | 'Warmed:Stopped'
  | `${Passage}${'' | ':Wait' | ':Proceed'}`;

export type Passage = 'Pending' | 'Warmed:Pending' | 'Terminating' | 'Warmed:Terminating';

/** Its hook for terminating was abandoned, and the instance lifecycle policy keeps it. */
export function isRetained(state: LifecycleState): boolean {
  return state.endsWith(':Retained');
}

/** An instance of a group, as seen by a scenario. */
export interface GroupInstance {
  readonly instance: LocalInstance;
  readonly state: LifecycleState;
  /** the states that it has been through, the present one included */
  readonly states: readonly LifecycleState[];
  readonly protectedFromScaleIn: boolean;
}

/** An instance in its group. */
export class Member implements GroupInstance {
  readonly instance: LocalInstance;
  readonly states: LifecycleState[];
  /** which came to be launched, or attached, first: what comes up at the same time may be there in another order */
  readonly order: number;
  protectedFromScaleIn = false;
  /** those that hold it in a wait state, or have */
  actions: readonly LifecycleAction[] = [];

  constructor(instance: LocalInstance, state: LifecycleState, order: number) {
    this.order = order;
    this.instance = instance;
    this.states = [state];
  }

  get state(): LifecycleState {
    return this.states.at(-1) ?? 'Pending';
  }

  enter(state: LifecycleState): void {
    this.states.push(state);
  }

  /** Ends every wait; those who complete an action from now on hear that there is none. */
  cancelActions(): void {
    for (const action of this.actions) action.cancel();
  }
}

/** "ABANDON stops any remaining actions, such as other lifecycle hooks; CONTINUE allows them to complete." */
export function resultOf(actions: readonly LifecycleAction[]): Promise<LifecycleResult> {
  const { promise, resolve } = Promise.withResolvers<LifecycleResult>();
  const open = new Set(actions);
  if (open.size === 0) resolve('CONTINUE');
  for (const action of actions) {
    void action.result.then((result) => {
      open.delete(action);
      if (result === 'ABANDON' || open.size === 0) resolve(result);
    });
  }
  return promise;
}
