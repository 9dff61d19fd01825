import type { PushRequest } from '../model/request.ts';

/** Why a group is not pushed. */
export type NoPushCode =
  | 'bad-tags'
  | 'no-primary'
  | 'several-primaries'
  | 'paused'
  | 'observed'
  | 'not-promoted'
  | 'primary-not-running'
  | 'primary-not-online'
  | 'no-secondaries'
  | 'no-secondary-ready'
  | 'request-too-long';

/** Why a secondary is left out of a push. */
export type LeaveOutCode =
  | 'is-primary'
  | 'unknown'
  | 'other-group'
  | 'not-running'
  | 'no-address'
  | 'not-joined'
  | 'joining'
  | 'quarantined'
  | 'not-gathered'
  | 'bad-tags';

/** `error`: a person must act. `info`: all is as it was asked for, or mends itself. */
export type Severity = 'info' | 'error';

/** One thing to do in a tick, with the reason for it. */
export type PushAction =
  | {
      readonly kind: 'push';
      readonly group: string;
      /** The instance to run push on. */
      readonly primary: string;
      readonly request: PushRequest;
      readonly reason: string;
    }
  | {
      readonly kind: 'leave-out';
      readonly group: string;
      readonly secondary: string;
      readonly code: LeaveOutCode;
      readonly severity: Severity;
      readonly reason: string;
    }
  | {
      readonly kind: 'no-push';
      readonly group: string;
      /** Of a group that is only observed: who would get the push. */
      readonly hosts?: readonly string[];
      readonly code: NoPushCode;
      readonly severity: Severity;
      readonly reason: string;
    }
  | { readonly kind: 'nothing-to-do'; readonly reason: string };
