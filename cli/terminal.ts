import { createInterface } from 'node:readline/promises';
import { styleText } from 'node:util';
import { showsSymbols } from './environment.ts';

const shown = {
  ok: ['✓', 'ok'],
  behind: ['◷', '~'],
  attention: ['▲', '!'],
  work: ['◌', '..'],
  held: ['‖', '='],
  arrow: ['→', '->'],
} as const;
export type SymbolName = keyof typeof shown;

export type Style = 'green' | 'yellow' | 'red' | 'magenta' | 'bold' | 'dim';

/** How text looks: colours never carry a meaning alone. */
export interface Look {
  readonly style: (style: Style, text: string) => string;
  readonly symbol: (name: SymbolName) => string;
  /** Characters of a line. */
  readonly columns: number;
}

/** Without colours, with all symbols: for files, and for tests. */
export const plainLook: Look = {
  style: (_style, text) => text,
  symbol: (name) => shown[name][0],
  columns: 80,
};

/** Data go to standard output; progress, questions and errors to standard error. */
export class Terminal {
  readonly look: Look;
  readonly errorLook: Look;
  readonly #color: boolean;

  constructor(color: boolean) {
    this.#color = color;
    this.look = this.#lookOf(process.stdout);
    this.errorLook = this.#lookOf(process.stderr);
  }

  #lookOf(stream: NodeJS.WriteStream): Look {
    const names = showsSymbols() ? 0 : 1;
    return {
      style: (style, text) => (this.#color ? styleText(style, text, { stream }) : text),
      symbol: (name) => shown[name][names],
      columns: stream.columns ?? 100,
    };
  }

  /** Both ends are a person's. */
  get isInteractive(): boolean {
    return process.stdin.isTTY === true && process.stderr.isTTY === true;
  }

  get isScreen(): boolean {
    return process.stdout.isTTY === true;
  }

  out(text: string): void {
    process.stdout.write(`${text}\n`);
  }

  say(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  async ask(question: string): Promise<string> {
    const asking = createInterface({ input: process.stdin, output: process.stderr });
    try {
      return (await asking.question(question)).trim();
    } finally {
      asking.close();
    }
  }
}
