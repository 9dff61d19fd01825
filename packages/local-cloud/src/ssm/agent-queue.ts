// agent/appconfig/constants.go: DefaultCommandWorkersLimit, DefaultCommandWorkerBufferLimit
const workers = 5;
const waiting = 5;

/**
 * The commands that the agent of a host has taken, in the order in which they came: five run, five more wait. It outlives the host's boots, as
 * the agent's files do.
 *
 * @see amazon-ssm-agent agent/task/pool.go
 */
export class AgentQueue {
  readonly #commands: string[] = [];

  /** @returns false when it is full: the agent refuses the command, and SSM has to send it again */
  take(command: string): boolean {
    if (this.#commands.length >= workers + waiting) return false;
    this.#commands.push(command);
    return true;
  }

  /** Whether the command has a worker. */
  isTurnOf(command: string): boolean {
    return this.#commands.slice(0, workers).includes(command);
  }

  leave(command: string): void {
    const index = this.#commands.indexOf(command);
    if (index !== -1) this.#commands.splice(index, 1);
  }
}
