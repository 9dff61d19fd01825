import { PassThrough } from 'node:stream';
import { setImmediate as next } from 'node:timers/promises';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Terminal } from '../../../cli/terminal.ts';

let input: PassThrough;
let terminal: Terminal;
const said: string[] = [];

beforeEach(() => {
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  input = new PassThrough();
  said.length = 0;
  terminal = new Terminal(
    { colour: false, unicode: true, columns: 80, interactive: true },
    () => undefined,
    (text) => void said.push(text),
    input,
  );
});

/** Asks, and pastes while the question stands. */
async function asked(question: Promise<string | boolean>, pasted: string) {
  await next();
  input.write(pasted);
  return question;
}

describe('lines that are pasted together', () => {
  it('answer one question after the other, and the last may be finished by hand', async () => {
    expect(await asked(terminal.ask('Group:', { ahead: true }), 'blog\n i-1 \n/srv/a /sr')).toBe('blog');
    expect(await terminal.ask('Host:', { ahead: true })).toBe('i-1');
    expect(said).toEqual(['Host:  i-1 \n']);
    expect(await asked(terminal.ask('Directories:', { ahead: true }), 'v/b\n')).toBe('/srv/a /srv/b');
  });

  it.each([
    ['a question with yes or no', () => terminal.confirm('Go on?')],
    ['a name to type', async () => (await terminal.ask('Type the name:')) === 'blog'],
  ])('do not agree to what was not to be seen yet: %s', async (_what, question) => {
    await asked(terminal.ask('Group:', { ahead: true }), 'blog\ny\nblog\nblo');
    expect(await asked(question(), 'no\n')).toBe(false);
  });
});

it('an end of the input is no answer', async () => {
  const question = expect(terminal.ask('Group:')).rejects.toThrow('Nothing was changed');
  await next();
  input.end();
  await question;
});
