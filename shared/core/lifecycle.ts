import type { ObservedLifecycle } from './observation.ts';

/** The lifecycle hooks that hostsync completes; it leaves those of others alone. */
export const hookNames = { launch: 'hostsync-launch', terminate: 'hostsync-terminate' } as const;

/** In a warm pool, or on the way into one: no secondary. */
export function isWarm(lifecycle: ObservedLifecycle | undefined): boolean {
  return lifecycle?.state.startsWith('Warmed:') ?? false;
}

/** On the way out: scaled in, replaced, or going back to the warm pool. */
export function isLeaving(lifecycle: ObservedLifecycle | undefined): boolean {
  return lifecycle?.state.startsWith('Terminat') ?? false;
}

/** The hook that holds the instance, if it is one of ours by its place in the lifecycle. */
export function waitingHook(lifecycle: ObservedLifecycle | undefined): keyof typeof hookNames | undefined {
  switch (lifecycle?.state) {
    case 'Pending:Wait':
    case 'Warmed:Pending:Wait':
      return 'launch';
    case 'Terminating:Wait':
    case 'Warmed:Terminating:Wait':
      return 'terminate';
    default:
      return undefined;
  }
}
