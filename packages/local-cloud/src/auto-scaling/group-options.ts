import type { MachineOptions } from '../ec2/local-instance.ts';
import type { HookOptions } from './hooks.ts';

export interface AutoScalingGroupOptions {
  readonly name: string;
  /** of the group, and of every instance from its launch on */
  readonly tags?: Readonly<Record<string, string>>;
  readonly hooks?: readonly HookOptions[];
  /** the group has a warm pool of stopped instances that takes back what scale-in returns; default false */
  readonly warmPool?: boolean;
  /** whether an instance is launched in place of one that could not be or that has died; default true */
  readonly replace?: boolean;
  /** the instance lifecycle policy: what becomes of an instance whose terminate hook is abandoned; default 'terminate' */
  readonly terminateHookAbandon?: 'retain' | 'terminate';
  /** names of target groups, in which its instances are while they are in service */
  readonly targetGroups?: readonly string[];
  /** what every instance of the group is like */
  readonly launch?: MachineOptions;
}

export interface WaitOptions {
  /** default true: resolve when the agents are online, which says nothing of hooks; false: as soon as EC2 runs them */
  readonly wait?: boolean;
}
