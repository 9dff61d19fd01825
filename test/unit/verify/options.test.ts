import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { UsageError } from '../../../tour/options.ts';
import { costLines, costRows, measuredMinutes, mostMinutes } from '../../../verify/cost.ts';
import { parseVerifyOptions, usage } from '../../../verify/options.ts';

it('takes a region, and asks unless told otherwise', () => {
  expect(parseVerifyOptions(['--region', 'eu-central-1'])).toMatchObject({
    region: 'eu-central-1',
    yes: false,
    clean: false,
    deployed: undefined,
    subnets: [],
    output: '.hostsync/verify-live',
  });
  expect(parseVerifyOptions(['--help'])).toBe('help');
});

it.each([
  [[], '--region is missing'],
  [['--region', 'Frankfurt'], '--region "Frankfurt" is not well formed'],
  [['--region', 'eu-west-1', '--vpc', 'vpc-1'], '--vpc and --subnets belong together'],
  [['--region', 'eu-west-1', '--endpoint', 'http://127.0.0.1:1'], '--endpoint needs --deployed'],
  [['--region', 'eu-west-1', '--wordpress', '6; rm'], '--wordpress "6; rm" is not well formed'],
  [['--region', 'eu-west-1', '--force'], "Unknown option '--force'"],
])('%j is refused with what it takes, before anything is deployed', (words, message) => {
  expect(() => parseVerifyOptions(words)).toThrow(UsageError);
  expect(() => parseVerifyOptions(words)).toThrow(message);
});

it('the reference shows the options as they are', () => {
  expect(readFileSync('docs/reference/verify-live.md', 'utf8')).toContain(usage);
});

it('costs less than a dollar and takes less than half an hour, twice the list prices included', () => {
  const sum = costLines.reduce((total, { dollars }) => total + dollars, 0);
  expect(2 * sum).toBeLessThan(1);
  expect(costRows().at(-1)).toEqual(['together, about', `$${sum.toFixed(2)}`]);
  expect(measuredMinutes).toBeLessThan(mostMinutes);
});
