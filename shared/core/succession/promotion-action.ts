import type { DomainEvent } from '../model/domain-event.ts';
import type { Claim, Head } from '../model/observation.ts';
import type { LeaveRequest, PromoteRequest, PushRequest } from '../model/request.ts';
import type { TaskStep } from '../model/task.ts';

interface Common {
  readonly group: string;
  readonly reason: string;
}

/** One step of a group towards having a primary that is alive. Each may be taken twice without harm. */
export type PromotionAction = Common &
  (
    | { readonly kind: 'tell'; readonly event: DomainEvent }
    | {
        /** Whoever comes second finds out who holds the epoch by looking again. */
        readonly kind: 'claim';
        readonly claim: Claim;
        /** The head that this was decided from. */
        readonly seen: Head | undefined;
      }
    | {
        /** Runs a script on a host and notes it in the tag `hostsync:task` there. */
        readonly kind: 'run';
        readonly instance: string;
        readonly step: Extract<TaskStep, 'promote' | 'prepare' | 'final-push' | 'undo-demotion'>;
        readonly pass: number;
        readonly digest: string;
        readonly request:
          | { readonly script: 'promote'; readonly value: PromoteRequest }
          | { readonly script: 'leave'; readonly value: LeaveRequest }
          | { readonly script: 'push'; readonly value: PushRequest };
      }
    /** What is still running on a host that is no longer to push. */
    | { readonly kind: 'cancel-pushes'; readonly instance: string }
    /** In this order: `set`, then `remove`. */
    | {
        readonly kind: 'tag';
        readonly instances: readonly string[];
        readonly set: Readonly<Record<string, string>>;
        readonly remove: readonly string[];
      }
    /** Writes the mirror of the primary's tags. */
    | {
        readonly kind: 'mirror';
        readonly primary: string;
        readonly tags: Readonly<Record<string, string>>;
        readonly digest: string;
      }
    | {
        /** Looks at a primary through SSM, and has secondaries look: those that answer are alive. */
        readonly kind: 'probe';
        readonly instance: string;
        /** At itself if the primary is gone, and only their answers are wanted. */
        readonly where: 'primary' | 'itself';
        /** The best first. */
        readonly by: readonly string[];
      }
    /** Something is under way that ends within seconds. */
    | { readonly kind: 'wait' }
  );
