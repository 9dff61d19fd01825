import type { Clock } from '../base/clock.ts';
import type { TargetGroup } from '../load-balancing/target-groups.ts';

/** The target groups that an Auto Scaling group is attached to: instances in service are in them, and no others. */
export class AttachedTargets {
  readonly #groups: readonly TargetGroup[];
  readonly #clock: Clock;

  constructor(groups: readonly TargetGroup[], clock: Clock) {
    this.#groups = groups;
    this.#clock = clock;
  }

  get arns(): readonly string[] {
    return this.#groups.map(({ arn }) => arn);
  }

  /** Before it is `InService`. */
  register(id: string): void {
    for (const group of this.#groups) group.register([{ id, port: undefined }]);
  }

  /** Takes an instance out of service. @returns what waits until it is drained; undefined when there is nothing to wait for */
  deregister(id: string): Promise<void> | undefined {
    for (const group of this.#groups) group.deregister([{ id, port: undefined }]);
    return this.#isIn(id) ? this.#drained(id) : undefined;
  }

  #isIn(id: string): boolean {
    return this.#groups.some((group) => group.targets().some(({ instanceId }) => instanceId === id));
  }

  async #drained(id: string): Promise<void> {
    while (!this.#clock.closed && this.#isIn(id)) await this.#clock.wait(20);
  }
}
