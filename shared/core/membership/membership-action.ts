import type { Notice } from '../incidents/incident.ts';
import type { Incident } from '../model/incident.ts';
import type { JoinRequest, LeaveRequest, PushRequest, RescueRequest } from '../model/request.ts';
import type { RescueLine } from '../model/script-line.ts';

/** One step towards every host of a group being what its instance's state asks for. */
export type MembershipAction =
  | {
      readonly kind: 'join';
      readonly group: string;
      readonly instances: readonly string[];
      /** Those of them that are no members yet. */
      readonly newcomers: readonly string[];
      readonly request: JoinRequest;
      readonly digest: string;
      readonly reason: string;
    }
  | {
      readonly kind: 'record-join';
      readonly group: string;
      readonly instance: string;
      readonly hostKey: string;
      readonly epoch: number;
      readonly digest: string;
      /** An alert said that it could not join again, and is resolved. */
      readonly over: Incident | undefined;
      readonly reason: string;
    }
  | {
      readonly kind: 'first-sync';
      readonly group: string;
      readonly primary: string;
      readonly request: PushRequest;
      /** The number of the pass, by secondary. */
      readonly passes: ReadonlyMap<string, number>;
      readonly reason: string;
    }
  | {
      /** Takes the role of a primary off a host that was one, and has it list what only it may hold; `relist`: once more, after a rescue. */
      readonly kind: 'leave' | 'relist';
      readonly group: string;
      readonly instance: string;
      readonly request: LeaveRequest;
      readonly reason: string;
    }
  | {
      readonly kind: 'record-left';
      readonly group: string;
      readonly instance: string;
      readonly epoch: number;
      readonly reason: string;
    }
  | {
      /** Brings what only these hosts hold to the primary: from secondaries after a promotion, or from a former primary. */
      readonly kind: 'gather' | 'rescue';
      readonly group: string;
      readonly primary: string;
      readonly request: RescueRequest;
      readonly reason: string;
    }
  /** Something was brought: an event says so. */
  | {
      readonly kind: 'notify-rescued';
      readonly group: string;
      readonly instance: string;
      readonly epoch: number;
      readonly primary: string;
      readonly line: RescueLine;
      /** When it was asked for, in milliseconds since 1970. */
      readonly requestedAt: number;
      readonly reason: string;
    }
  /** A former primary keeps what nobody can fetch: an event says so. */
  | {
      readonly kind: 'notify-kept';
      readonly group: string;
      readonly instance: string;
      readonly epoch: number;
      readonly primary: string;
      readonly files: number;
      /** Empty if there are none. */
      readonly keptIn: string;
      readonly tooLong: number;
      /** When it was asked for, in milliseconds since 1970. */
      readonly requestedAt: number;
      readonly reason: string;
    }
  | {
      readonly kind: 'record-gathered';
      readonly group: string;
      readonly instance: string;
      readonly epoch: number;
      readonly primary: string;
      /** A former primary, which now joins as any newcomer. */
      readonly released: boolean;
      /** An alert said that it could not be rescued, and is resolved. */
      readonly over: Incident | undefined;
      readonly reason: string;
    }
  | {
      readonly kind: 'admit';
      readonly group: string;
      readonly instance: string;
      readonly syncedAt: number;
      /** Under which it was admitted. */
      readonly epoch: number;
      /** An alert said that it could not join, and is resolved. */
      readonly over: Incident | undefined;
      readonly reason: string;
    }
  | {
      readonly kind: 'set-list';
      readonly group: string;
      readonly primary: string;
      readonly set: Readonly<Record<string, string>>;
      readonly remove: readonly string[];
      readonly joined: readonly string[];
      readonly left: readonly string[];
      readonly reason: string;
    }
  /** Notes an incident of a host, and sends an event where one is due. */
  | {
      readonly kind: 'report-failure';
      readonly group: string;
      readonly instance: string;
      readonly incident: Incident;
      /** Undefined: it is only noted. */
      readonly notice: Notice | undefined;
      /** Of a former primary whose files cannot be rescued; else of a host that cannot join. */
      readonly rescuedBy: string | undefined;
      /** It is a secondary, and cannot join again: a note beside that on pushes to it. */
      readonly rejoins?: boolean;
      /** It was the primary, and what only it holds cannot be fetched until it joins. */
      readonly unrescued?: boolean;
      readonly message: string;
      readonly reason: string;
    }
  | {
      readonly kind: 'clear-state';
      readonly group: string;
      readonly instance: string;
      readonly keys: readonly string[];
      readonly reason: string;
    }
  | {
      readonly kind: 'complete-hook';
      readonly group: string;
      readonly instance: string;
      readonly autoScalingGroup: string;
      readonly hook: string;
      readonly result: 'CONTINUE' | 'ABANDON';
      /** The launch is given up: somebody must know. */
      readonly failed: boolean;
      readonly reason: string;
    }
  | {
      readonly kind: 'keep-alive';
      readonly group: string;
      readonly instance: string;
      readonly autoScalingGroup: string;
      readonly hook: string;
      readonly reason: string;
    }
  /** Ends an instance that its Auto Scaling group has retained. */
  | {
      readonly kind: 'release';
      readonly group: string;
      readonly instance: string;
      readonly autoScalingGroup: string;
      readonly reason: string;
    }
  | {
      readonly kind: 'wait';
      readonly group: string;
      readonly instance: string;
      /** What it waits for ends within seconds, so it is worth looking again at once. */
      readonly soon: boolean;
      readonly reason: string;
    };
