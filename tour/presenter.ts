/** What a tour shows on the terminal: steps with the seconds they take, remarks, tables. Standard output; plain when it is no terminal. */
export class Presenter {
  readonly #started = Date.now();
  readonly #isTerminal = process.stdout.isTTY === true;

  /** A line of its own. */
  say(text: string): void {
    process.stdout.write(`\nhostsync: ${text}\n`);
  }

  /** A remark of the local cloud's. */
  note(text: string): void {
    process.stdout.write(`    ${text}\n`);
  }

  /** Does something that takes a while, and shows that it goes on. */
  async step<Result>(title: string, run: () => Promise<Result>): Promise<Result> {
    const started = Date.now();
    const seconds = () => ((Date.now() - started) / 1000).toFixed(1);
    const clock = () => `${String(Math.floor((started - this.#started) / 1000)).padStart(3)} s`;
    process.stdout.write(`[${clock()}] ${title} …${this.#isTerminal ? '' : '\n'}`);
    const timer = this.#isTerminal
      ? setInterval(() => process.stdout.write(`\r[${clock()}] ${title} … ${seconds()} s`), 500)
      : setInterval(() => process.stdout.write(`        … ${seconds()} s\n`), 10_000);
    try {
      const result = await run();
      process.stdout.write(
        this.#isTerminal ? `\r[${clock()}] ${title}: ${seconds()} s\n` : `        done: ${seconds()} s\n`,
      );
      return result;
    } catch (error) {
      process.stdout.write('\n');
      throw error;
    } finally {
      clearInterval(timer);
    }
  }

  table(head: readonly string[], rows: readonly (readonly string[])[]): void {
    const widths = head.map((title, column) =>
      Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
    );
    const line = (cells: readonly string[]) =>
      `  ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd();
    const rule = widths.map((width) => '─'.repeat(width));
    process.stdout.write(`\n${[head, rule, ...rows].map(line).join('\n')}\n\n`);
  }

  fail(error: unknown): void {
    process.stdout.write(`\nhostsync: FAILED: ${error instanceof Error ? error.message : error}\n`);
  }
}
