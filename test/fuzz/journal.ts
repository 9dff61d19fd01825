import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** What a run did and what it found. All of it goes to a file, what was found is also kept. */
export class Journal {
  readonly path: string;
  readonly findings: string[] = [];
  readonly #counts = new Map<string, number>();
  readonly #show: (line: string) => void;

  constructor(path: string, show: (line: string) => void) {
    this.path = path;
    this.#show = show;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, '');
  }

  /** Only in the file. */
  note(text: string): void {
    appendFileSync(this.path, `${new Date().toISOString().slice(11, 23)} ${text}\n`);
  }

  say(text: string): void {
    this.note(text);
    this.#show(text);
  }

  /** A fault of what is tested: the run goes on, and ends badly. */
  find(text: string): void {
    this.findings.push(text);
    this.say(text);
  }

  count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }

  /** What was counted, as one line. */
  get counts(): string {
    return [...this.#counts]
      .sort()
      .map(([what, number]) => `${what} ${number}`)
      .join(', ');
  }
}
