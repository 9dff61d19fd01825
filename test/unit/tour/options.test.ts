import { expect, it } from 'vitest';
import { parseTourOptions } from '../../../tour/options.ts';

it('takes what the README says', () => {
  expect(parseTourOptions([], 'docs')).toMatchObject({
    tick: 3,
    keep: false,
    directory: expect.stringMatching(/\/docs$/u),
  });
  expect(parseTourOptions(['host', '--tick', '10', '--keep'], 'docs')).toMatchObject({
    tick: 10,
    keep: true,
    directory: expect.stringMatching(/\/host$/u),
  });
  expect(parseTourOptions(['--help'], 'docs')).toBe('help');
});

it.each([
  [['--tick', '0'], '--tick "0" is not a number of seconds from 1 to 60'],
  [['--tick', 'x'], '--tick "x" is not a number of seconds from 1 to 60'],
  [['--tick'], '--tick'],
  [['--tock'], '--tock'],
  [['no-such-directory'], 'is not a directory'],
  [['README.md'], 'is not a directory'],
  [['docs', 'host'], 'not also "host"'],
])('refuses %j with the usage', (words, message) => {
  expect(() => parseTourOptions(words, 'docs')).toThrow(message);
  expect(() => parseTourOptions(words, 'docs')).toThrow('usage: npm start');
});
