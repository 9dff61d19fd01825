import { expect, it } from 'vitest';
import { parseBenchOptions } from '../../../bench/options.ts';

it('takes what docs/performance.md says', () => {
  expect(parseBenchOptions([])).toEqual({
    files: 200_000,
    secondaries: 4,
    fileBytes: 1024,
    flat: false,
    repeat: 3,
    plot: false,
    writeDocs: false,
    cases: ['first', 'nothing', 'verified', 'changed', 'new', 'renamed'],
    tools: ['cron', 'parallel', 'lsyncd', 'push'],
    json: undefined,
  });
  expect(parseBenchOptions(['--files', '5000', '--tools', 'push,cron', '--cases', 'nothing'])).toMatchObject({
    files: 5000,
    fileBytes: undefined,
    tools: ['cron', 'push'],
    cases: ['nothing'],
  });
  expect(parseBenchOptions(['--flat', '--files', '300000'])).toMatchObject({
    cases: ['first', 'nothing', 'verified', 'changed'],
  });
  expect(parseBenchOptions(['--plot', '--write-docs', '--json', 'out.json'])).toMatchObject({
    plot: true,
    writeDocs: true,
    json: expect.stringMatching(/^\/.*out\.json$/u),
  });
  expect(parseBenchOptions(['--help'])).toBe('help');
});

it.each([
  [['--files', '10'], '--files "10" is not a whole number from 1000 to 1000000'],
  [['--files', '1e4'], '--files "1e4" is not a whole number'],
  [['--secondaries', '11'], '--secondaries "11" is not a whole number from 1 to 10'],
  [['--repeat', '0'], '--repeat "0" is not a whole number from 1 to 20'],
  [['--file-bytes', '-1'], '--file-bytes'],
  [['--tools', 'push,unison'], '--tools knows no "unison": take some of cron,parallel,lsyncd,push'],
  [['--cases', ''], '--cases knows no ""'],
  [['--json', '/not/there/out.json'], 'the directory /not/there is not there'],
  [['--json', '/tmp'], '--json "/tmp" is a directory'],
  [['--fast'], '--fast'],
  [['more'], 'more'],
])('refuses %j before anything is started, and says why', (words, message) => {
  expect(() => parseBenchOptions(words)).toThrow(message);
});
