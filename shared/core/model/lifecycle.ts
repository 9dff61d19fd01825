import type { ObservedLifecycle } from './observation.ts';
import { tagPrefix } from './tag-prefix.ts';

/** The lifecycle hooks that hostsync completes; it leaves those of others alone. */
export const hookNames = { launch: `${tagPrefix}-launch`, terminate: `${tagPrefix}-terminate` } as const;

/** In a warm pool, or on the way into one: no secondary. */
export function isWarm(lifecycle: ObservedLifecycle | undefined): boolean {
  return lifecycle?.state.startsWith('Warmed:') ?? false;
}

/** On the way out: scaled in, replaced, or going back to the warm pool. */
export function isLeaving(lifecycle: ObservedLifecycle | undefined): boolean {
  return lifecycle?.state.startsWith('Terminat') ?? false;
}

/**
 * The hooks of ours that may hold the instance. Going into a warm pool from outside it is held by the launch hook, coming
 * back to it by the terminate hook, and the state is the same. Source: EC2 Auto Scaling User Guide, warm pool lifecycle.
 */
export function waitingHooks(lifecycle: ObservedLifecycle | undefined): readonly (keyof typeof hookNames)[] {
  switch (lifecycle?.state) {
    case 'Pending:Wait':
      return ['launch'];
    case 'Warmed:Pending:Wait':
      return ['launch', 'terminate'];
    case 'Terminating:Wait':
    case 'Warmed:Terminating:Wait':
      return ['terminate'];
    default:
      return [];
  }
}
