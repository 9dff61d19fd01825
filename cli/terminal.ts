import { createInterface } from 'node:readline/promises';
import { styleText } from 'node:util';
import { CommandError, exitCodes, UsageError } from './errors.ts';

export type Colour = 'green' | 'yellow' | 'red' | 'cyan' | 'bold' | 'dim';

/** Colour never carries a meaning alone: a symbol and a word stand beside it. */
const symbols = {
  ok: ['✓', 'ok', 'green'],
  behind: ['◷', '~', 'yellow'],
  attention: ['▲', '!', 'red'],
  working: ['◌', '..', 'cyan'],
  held: ['‖', '=', 'yellow'],
  unknown: ['?', '?', 'yellow'],
} as const satisfies Record<string, readonly [string, string, Colour]>;
export type SymbolName = keyof typeof symbols;

export interface TerminalOptions {
  readonly colour: boolean;
  /** Symbols beyond ASCII may be written. */
  readonly unicode: boolean;
  readonly columns: number;
  /** A person sits at it, and can be asked. */
  readonly interactive: boolean;
}

/** Where the command talks: data go to standard output, all else to standard error. */
export class Terminal {
  readonly options: TerminalOptions;
  readonly #out: (text: string) => void;
  readonly #error: (text: string) => void;
  readonly #input: NodeJS.ReadableStream;
  /** Pasted with the last answer: the lines after it, and the beginning of one. */
  #ahead: readonly string[] = [];
  #begun = '';

  constructor(
    options: TerminalOptions,
    out: (text: string) => void = (text) => void process.stdout.write(text),
    error: (text: string) => void = (text) => void process.stderr.write(text),
    input: NodeJS.ReadableStream = process.stdin,
  ) {
    this.options = options;
    this.#out = out;
    this.#error = error;
    this.#input = input;
  }

  /** A line of data. */
  print(line: string): void {
    this.#out(`${line}\n`);
  }

  /** Text as it is, such as what moves the cursor. */
  write(text: string): void {
    this.#out(text);
  }

  /** A line for the person alone. */
  say(line: string): void {
    this.#error(`${line}\n`);
  }

  style(colour: Colour, text: string): string {
    return this.options.colour ? styleText(colour, text, { validateStream: false }) : text;
  }

  /** A symbol, in its colour. */
  symbol(name: SymbolName): string {
    const [unicode, ascii, colour] = symbols[name];
    return this.style(colour, this.options.unicode ? unicode : ascii);
  }

  /** `→`, or what stands for it in ASCII. */
  get arrow(): string {
    return this.options.unicode ? '→' : '->';
  }

  /**
   * Asks a question whose answer is no unless it is yes.
   *
   * @throws {UsageError} where nobody can be asked
   */
  async confirm(question: string): Promise<boolean> {
    return /^y(?:es)?$/iu.test(await this.ask(`${question} [y/N]`));
  }

  /**
   * Asks a question. What was pasted before it was asked answers it only with `ahead`: nobody agrees to what is not seen yet.
   *
   * @throws {UsageError} where nobody can be asked
   */
  async ask(question: string, { ahead = false } = {}): Promise<string> {
    if (!this.options.interactive)
      throw new UsageError(
        'There is nobody to answer a question, and nothing was changed',
        'Add --yes to go on without a question, or --dry-run to see the plan alone.',
      );
    const [pasted, ...rest] = ahead ? this.#ahead : [];
    this.#ahead = rest;
    if (pasted !== undefined) {
      this.say(`${question} ${pasted}`);
      return pasted.trim();
    }
    return (await this.#read(question, ahead ? this.#begun : '')).trim();
  }

  async #read(question: string, begun: string): Promise<string> {
    const reader = createInterface({ input: this.#input, output: process.stderr, terminal: true });
    const lines: string[] = [];
    reader.on('line', (line) => void lines.push(line));
    try {
      const closed = new Promise<never>((_resolve, reject) => {
        reader.once('close', () =>
          reject(new CommandError(exitCodes.interrupted, 'Ended without an answer. Nothing was changed')),
        );
      });
      const answer = reader.question(`${question} `);
      if (begun !== '') reader.write(begun);
      return await Promise.race([answer, closed]);
    } finally {
      this.#ahead = lines;
      this.#begun = reader.line;
      reader.close();
    }
  }
}

/** What the terminal of this process can do. NO_COLOR is that of https://no-color.org. */
export function terminalOptions(
  noColour: boolean,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): TerminalOptions {
  const { NO_COLOR = '', FORCE_COLOR = '', TERM = '', LC_ALL, LC_CTYPE, LANG } = environment;
  const isTerminal = process.stdout.isTTY === true;
  const locale = LC_ALL || LC_CTYPE || LANG || '';
  const forced = FORCE_COLOR !== '' && FORCE_COLOR !== '0';
  return {
    colour: !noColour && NO_COLOR === '' && TERM !== 'dumb' && (isTerminal || forced),
    unicode: TERM !== 'dumb' && /utf-?8/iu.test(locale),
    columns: isTerminal ? process.stdout.columns : Number.POSITIVE_INFINITY,
    interactive: process.stdin.isTTY === true && process.stderr.isTTY === true,
  };
}
