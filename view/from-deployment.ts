import type { Session } from '../cli/session.ts';
import type { GroupOverview } from '../shared/core/operator/overview.ts';
import type { ActionState } from './model/live.ts';
import { Observer } from './model/observer.ts';
import type { Reading, Source } from './source.ts';

export interface Deployment {
  /** As "prod · eu-central-1". */
  readonly name: string;
  readonly local: boolean;
  /** Seconds from which on a secondary counts as behind. */
  readonly behindAfter?: number;
  /** One look at every group. */
  overviews(): Promise<readonly GroupOverview[]>;
  /** What the page's buttons can do now; default: nothing. */
  actions?(): readonly ActionState[];
}

/** What the page shows of a deployment, one look after the other. */
export function sourceOf(deployment: Deployment): Source {
  const observer = new Observer();
  return async (): Promise<Reading> => {
    const { groups, samples, events, pushes } = observer.observe(await deployment.overviews());
    const { name, local, behindAfter } = deployment;
    return {
      samples,
      events,
      pushes,
      state: {
        at: Date.now(),
        environment: { name, local },
        groups: groups.map((group) => (behindAfter === undefined ? group : { ...group, behindAfter })),
        actions: deployment.actions?.() ?? [],
      },
    };
  };
}

/** The deployment of a command's session; call it after the session was opened, as all that loads the core. */
export async function deploymentOf(session: Session, name: string): Promise<Deployment> {
  const { observe } = await import('../cli/observe.ts');
  const { settings } = session;
  return {
    name,
    local: false,
    behindAfter: settings.behindAfter,
    overviews: async () => {
      const names = [...(await session.groups()).keys()];
      return Promise.all(names.map(async (group) => (await observe(session, group)).overview));
    },
  };
}
