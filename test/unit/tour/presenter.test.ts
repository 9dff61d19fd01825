import { describe, expect, it } from 'vitest';
import { type Output, Presenter } from '../../../tour/presenter.ts';

function output(options: Partial<Output>): Output & { readonly text: () => string } {
  const written: string[] = [];
  return { ...options, write: (text) => written.push(text), text: () => written.join('') };
}

/** What stands on a terminal in the end: a carriage return goes back, and "erase line" wipes. */
function shown(text: string): readonly string[] {
  return text.split('\n').map((line) =>
    line
      .slice(line.lastIndexOf('\u001b[2K') + 1)
      .replace(/^\[2K/, '')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: colours
      .replace(/\u001b\[\d+m/g, ''),
  );
}

const work = () => new Promise<string>((done) => setTimeout(() => done('result'), 250));

describe('a step', () => {
  it('is one whole line on a terminal when it is over, without what stood there before', async () => {
    const terminal = output({ isTTY: true, columns: 60 });
    expect(await new Presenter(terminal).step('wait for the push', work)).toBe('result');
    const [line, rest] = shown(terminal.text());
    expect(line).toMatch(/^\[ {2}0 s\] ✔ wait for the push \d\.\d s$/);
    expect(rest).toBe('');
  });

  it('never writes a moving line that wraps: it could not be wiped', async () => {
    const terminal = output({ isTTY: true, columns: 40 });
    await new Presenter(terminal).step('a title that is longer than the terminal is wide, by far', work);
    const moving = terminal.text().split('\r').slice(1, -1);
    for (const frame of moving) expect(shown(frame)[0]?.length).toBeLessThan(40);
  });

  it('is plain lines elsewhere', async () => {
    const pipe = output({});
    await new Presenter(pipe).step('wait for the push', work);
    expect(pipe.text()).toMatch(/^\[ {2}0 s\] wait for the push …\n {8}done: \d\.\d s\n$/);
  });

  it('that fails says so, and hands the error on', async () => {
    const terminal = output({ isTTY: true, columns: 60 });
    await expect(new Presenter(terminal).step('try', () => Promise.reject(new Error('no')))).rejects.toThrow(
      'no',
    );
    expect(shown(terminal.text())[0]).toBe('[  0 s] ✖ try');
  });
});

it('a table has columns as wide as what is in them', () => {
  const pipe = output({});
  new Presenter(pipe).table(['host', 'state'], [['secondary-1', 'in sync']]);
  expect(pipe.text()).toBe('\n  host         state\n  ───────────  ───────\n  secondary-1  in sync\n\n');
});

it('a table shows no number that is none, nor what is not there', () => {
  const pipe = output({});
  const presenter = new Presenter(pipe);
  presenter.table(
    ['host', 'seconds behind'],
    [
      ['null.example.com', '1.5'],
      ['web', '?'],
    ],
  );
  expect(pipe.text()).toContain('1.5');
  for (const cell of ['NaN', 'NaN s', 'undefined', 'Infinity'])
    expect(() => presenter.table(['host', 'seconds behind'], [['web', cell]])).toThrow(TypeError);
});
