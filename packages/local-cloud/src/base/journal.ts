import { messageOf } from './errors.ts';

/** What became of a call. `lost`: it was carried out, but the caller got no answer (a fault). */
export type CallOutcome =
  | { readonly kind: 'ok'; readonly output: unknown }
  | { readonly kind: 'error'; readonly code: string; readonly message: string }
  | { readonly kind: 'lost'; readonly output: unknown };

/** One request to an AWS API. */
export interface CallRecord {
  readonly at: Date;
  /** the name of the function as in the template, or `operator` */
  readonly caller: string;
  readonly service: string;
  readonly operation: string;
  readonly input: unknown;
  readonly resources: readonly string[];
  readonly outcome: CallOutcome;
}

/**
 * Something that a scenario must not overlook.
 * - `unserved`: a call, a parameter or a feature that the local cloud does not have
 * - `denied`: the caller's role does not allow it
 * - `invalid-request`: AWS would refuse the request's shape
 * - `internal`: a bug of the local cloud
 */
export interface Problem {
  readonly kind: 'unserved' | 'denied' | 'invalid-request' | 'internal';
  readonly at: Date;
  readonly message: string;
}

/** Problems were recorded. `takeProblems()` reads and forgets those that a scenario provokes on purpose. */
export class ProblemsError extends Error {
  override readonly name = 'ProblemsError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(
      `${problems.length} problem(s) in the local cloud:\n${problems.map((p) => `- ${p.kind}: ${p.message}`).join('\n')}`,
    );
    this.problems = problems;
  }
}

/** Everything that happened, in order; kept in memory for as long as the cloud lives. */
export class Journal {
  readonly calls: CallRecord[] = [];
  readonly #problems: Problem[] = [];
  readonly #log: (line: string) => void;
  #reported = 0;

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  log(line: string): void {
    this.#log(line);
  }

  problem(kind: Problem['kind'], message: string): void {
    this.#problems.push({ kind, at: new Date(), message });
    this.#log(`PROBLEM (${kind}): ${message}`);
  }

  problems(): readonly Problem[] {
    return [...this.#problems];
  }

  takeProblems(): readonly Problem[] {
    this.#reported = 0;
    return this.#problems.splice(0);
  }

  /** @throws ProblemsError when there are problems that no earlier call of this method has thrown */
  throwNewProblems(): void {
    const fresh = this.#problems.slice(this.#reported);
    this.#reported = this.#problems.length;
    if (fresh.length > 0) throw new ProblemsError(fresh);
  }
}

/** Work that goes on, so that a scenario can wait until there is none. */
export class Activity {
  readonly #running = new Set<{ readonly what: string }>();
  readonly #journal: Journal;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** The names of what is under way. */
  running(): readonly string[] {
    return [...this.#running].map((entry) => entry.what);
  }

  /** Runs `work` in the background; an error that leaves it is a problem of the local cloud. */
  start(what: string, work: () => Promise<void>): void {
    const entry = { what };
    this.#running.add(entry);
    work()
      .catch((error: unknown) => this.#journal.problem('internal', `${what}: ${messageOf(error)}`))
      .finally(() => this.#running.delete(entry));
  }
}
