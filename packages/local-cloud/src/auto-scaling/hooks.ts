import { randomUUID } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { LocalCloudError } from '../base/errors.ts';

export type LifecycleResult = 'ABANDON' | 'CONTINUE';

export interface HookOptions {
  readonly name: string;
  readonly transition: 'launching' | 'terminating';
  /** seconds, 30 to 7200; the cloud's `timeScale` shortens the wait. Default 3600 */
  readonly heartbeatTimeout?: number;
  /** what a time-out means; default ABANDON */
  readonly defaultResult?: LifecycleResult;
  readonly notificationMetadata?: string;
}

export type Hook = Required<Omit<HookOptions, 'notificationMetadata'>> &
  Pick<HookOptions, 'notificationMetadata'> & {
    /** seconds; heartbeats do not make it longer: "48 hours or 100 times the heartbeat timeout, whichever is smaller" */
    readonly globalTimeout: number;
  };

const hookName = /^[A-Za-z0-9\-_/]{1,255}$/;

/** @throws LocalCloudError for what PutLifecycleHook would refuse */
export function readHooks(hooks: readonly HookOptions[]): readonly Hook[] {
  if (new Set(hooks.map(({ name }) => name)).size < hooks.length)
    throw new LocalCloudError('two lifecycle hooks of a group have the same name');
  return hooks.map((options) => {
    const { heartbeatTimeout = 3600, defaultResult = 'ABANDON' } = options;
    if (!hookName.test(options.name))
      throw new LocalCloudError(
        `'${options.name}' is no name of a lifecycle hook: letters, digits, - _ /, at most 255`,
      );
    if (!Number.isInteger(heartbeatTimeout) || heartbeatTimeout < 30 || heartbeatTimeout > 7200)
      throw new LocalCloudError(
        `the heartbeat timeout of the hook ${options.name} must be 30 to 7200 s; timeScale makes it pass faster`,
      );
    if ((options.notificationMetadata?.length ?? 1) > 4000)
      throw new LocalCloudError(`the metadata of the hook ${options.name} has more than 4000 characters`);
    return {
      ...options,
      heartbeatTimeout,
      defaultResult,
      globalTimeout: Math.min(172_800, 100 * heartbeatTimeout),
    };
  });
}

/** One hook that holds one instance in a wait state, until it is completed or times out. */
export class LifecycleAction {
  readonly token = randomUUID();
  readonly hook: Hook;
  readonly instanceId: string;
  /** never settles when the action is cancelled */
  readonly result: Promise<LifecycleResult>;
  readonly #clock: Clock;
  readonly #resolve: (result: LifecycleResult) => void;
  readonly #globalDeadline: number;
  #timer: NodeJS.Timeout | undefined;
  #active = true;
  #abandoned: string | undefined;

  constructor(hook: Hook, instanceId: string, clock: Clock) {
    this.hook = hook;
    this.instanceId = instanceId;
    this.#clock = clock;
    const { promise, resolve } = Promise.withResolvers<LifecycleResult>();
    this.result = promise;
    this.#resolve = resolve;
    this.#globalDeadline = Date.now() + clock.scaledMs(hook.globalTimeout);
    this.heartbeat();
  }

  get active(): boolean {
    return this.#active;
  }

  /** Why it came to ABANDON, in the words of AWS; undefined when it did not. */
  get abandoned(): string | undefined {
    return this.#abandoned;
  }

  /** Starts the heartbeat timeout anew, but not the global one. */
  heartbeat(): void {
    clearTimeout(this.#timer);
    const left = Math.min(
      this.#clock.scaledMs(this.hook.heartbeatTimeout),
      this.#globalDeadline - Date.now(),
    );
    // Nothing waits for it: neither `settle()` nor the end of the process.
    this.#timer = setTimeout(
      () => {
        if (!this.#clock.closed) this.#finish(this.hook.defaultResult, 'Heartbeat Timeout');
      },
      Math.max(0, left),
    ).unref();
  }

  complete(result: LifecycleResult): void {
    this.#finish(result, `Lifecycle Action Completed with ${result} Result`);
  }

  cancel(): void {
    clearTimeout(this.#timer);
    this.#active = false;
  }

  #finish(result: LifecycleResult, why: string): void {
    this.cancel();
    if (result === 'ABANDON')
      this.#abandoned = `Lifecycle Action with token ${this.token} was abandoned: ${why}`;
    this.#resolve(result);
  }
}
