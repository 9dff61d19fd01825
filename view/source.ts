import type { LiveEvent, LivePush, LiveState, Sample } from './model/live.ts';

/** What is known now. Events and pushes may have been given before: each is taken once, by its id. */
export interface Reading {
  readonly state: LiveState;
  readonly samples: readonly Sample[];
  readonly events: readonly LiveEvent[];
  readonly pushes: readonly LivePush[];
}

/** Looks once. What it throws is shown, and what was known before stays. */
export type Source = () => Promise<Reading>;

export interface Aimed {
  readonly group: string;
  /** Id of a host, for actions that need one. */
  readonly host?: string | undefined;
}

/** Does something, on the local cloud. @returns what to look at now. @throws {ActionRefusedError} */
export type Action = (aimed: Aimed) => Promise<string>;

export type Actions = Readonly<Record<string, Action>>;

/** It cannot be done now; the message says why. */
export class ActionRefusedError extends Error {
  override readonly name = 'ActionRefusedError';
}
