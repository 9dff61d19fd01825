import { expect, it } from 'vitest';
import { parseControlOptions } from '../../../bench/control/options.ts';

it('takes what docs/performance.md says', () => {
  expect(parseControlOptions([])).toEqual({ groups: 100, hosts: 20, memoryMiB: undefined, json: undefined });
  expect(
    parseControlOptions(['--groups', '1000', '--hosts', '5', '--memory', '1769', '--json', 'out.json']),
  ).toEqual({ groups: 1000, hosts: 5, memoryMiB: 1769, json: expect.stringMatching(/^\/.*out\.json$/u) });
  expect(parseControlOptions(['--help'])).toBe('help');
});

it.each([
  [['--groups', '2'], '--groups "2" is not a whole number from 3 to 2000'],
  [['--hosts', '1'], '--hosts "1" is not a whole number from 2 to 50'],
  [['--hosts', '1e1'], '--hosts "1e1" is not a whole number'],
  [['--memory', '64'], '--memory "64" is not a whole number from 128 to 10240'],
  [['--json', '/not/there/out.json'], 'the directory /not/there is not there'],
  [['--files', '1000'], '--files'],
  [['more'], 'more'],
])('refuses %j before anything is started, and says why', (words, message) => {
  expect(() => parseControlOptions(words)).toThrow(message);
  expect(() => parseControlOptions(words)).toThrow('npm run bench -- control');
});
