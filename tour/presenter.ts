import { stripVTControlCharacters, styleText } from 'node:util';

/** Where a presenter writes; `columns` is undefined where it is no terminal. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const clearLine = '\r\u001b[2K';

/**
 * What a tour shows: steps with the seconds they take, remarks, tables. On a terminal the running step is one line that moves and is
 * written anew when it is over; elsewhere every line is written once and stays.
 */
export class Presenter {
  readonly #started = Date.now();
  readonly #output: Output;
  readonly #isTerminal: boolean;

  constructor(output: Output = process.stdout) {
    this.#output = output;
    this.#isTerminal = output.isTTY === true;
  }

  /** A line of its own. */
  say(text: string): void {
    this.#output.write(`\n${this.#style('bold', 'hostsync:')} ${text}\n`);
  }

  /** A remark of the local cloud's. */
  note(text: string): void {
    this.#output.write(`    ${this.#style('dim', text)}\n`);
  }

  /** Does something that takes a while, and shows that it goes on. */
  async step<Result>(title: string, run: () => Promise<Result>): Promise<Result> {
    const started = Date.now();
    const seconds = () => ((Date.now() - started) / 1_000).toFixed(1);
    const clock = `[${String(Math.floor((started - this.#started) / 1_000)).padStart(3)} s]`;
    const stop = this.#isTerminal ? this.#spin(title, seconds) : this.#plod(clock, title, seconds);
    try {
      const result = await run();
      stop();
      this.#output.write(
        this.#isTerminal
          ? `${this.#style('dim', clock)} ${this.#style('green', '✔')} ${title} ${this.#style('dim', `${seconds()} s`)}\n`
          : `        done: ${seconds()} s\n`,
      );
      return result;
    } catch (error) {
      stop();
      this.#output.write(
        this.#isTerminal
          ? `${this.#style('dim', clock)} ${this.#style('red', '✖')} ${title}\n`
          : `        failed: ${seconds()} s\n`,
      );
      throw error;
    }
  }

  /** @throws {TypeError} for a cell that shows a mistake of ours, as a number that is none */
  table(head: readonly string[], rows: readonly (readonly string[])[]): void {
    const wrong = rows.flat().find((cell) => /^(?:NaN|undefined|-?Infinity)(?:$| )/u.test(cell));
    if (wrong !== undefined) throw new TypeError(`"${wrong}" in the table of ${head.join(', ')}`);
    const widths = head.map((title, column) =>
      Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
    );
    const line = (cells: readonly string[]) =>
      `  ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd();
    const rule = widths.map((width) => '─'.repeat(width));
    const [titles = '', ...lines] = [head, rule, ...rows].map(line);
    this.#output.write(`\n${[this.#style('bold', titles), ...lines].join('\n')}\n\n`);
  }

  fail(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#output.write(`\n${this.#style('bold', 'hostsync:')} ${this.#style('red', 'FAILED')}: ${reason}\n`);
  }

  /** One line that moves. @returns wipes it */
  #spin(title: string, seconds: () => string): () => void {
    let turn = 0;
    const draw = () => {
      const frame = frames[turn % frames.length] ?? '';
      turn += 1;
      // A line that wraps could not be wiped
      const room = (this.#output.columns ?? 80) - 1;
      const text = `${frame} ${title} … ${seconds()} s`;
      const shown = text.length <= room ? text : `${text.slice(0, room - 1)}…`;
      this.#output.write(`${clearLine}${this.#style('cyan', shown)}`);
    };
    draw();
    const timer = setInterval(draw, 100);
    return () => {
      clearInterval(timer);
      this.#output.write(clearLine);
    };
  }

  /** A line now, and one every ten seconds. */
  #plod(clock: string, title: string, seconds: () => string): () => void {
    this.#output.write(`${clock} ${title} …\n`);
    const timer = setInterval(() => this.#output.write(`        … ${seconds()} s\n`), 10_000);
    return () => clearInterval(timer);
  }

  #style(format: 'bold' | 'dim' | 'green' | 'red' | 'cyan', text: string): string {
    if (!this.#isTerminal) return stripVTControlCharacters(text);
    // validateStream: NO_COLOR and the like are heeded, of the real standard output
    return styleText(format, text, { stream: process.stdout });
  }
}
