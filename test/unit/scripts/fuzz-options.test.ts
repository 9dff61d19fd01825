import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../tour/options.ts';
import { chooseDisturbance, disturbances } from '../../fuzz/disturbances.ts';
import { parseFuzzOptions } from '../../fuzz/options.ts';
import { Random } from '../../fuzz/random.ts';

describe('npm run fuzz', () => {
  it('takes a seed, minutes and rounds, and has another seed each time', () => {
    const words = ['--seed', '7', '--minutes', '3', '--rounds', '5', '--watch', '--keep-deleted'];
    expect(parseFuzzOptions(words)).toEqual({
      watch: true,
      keepDeleted: true,
      seed: 7,
      minutes: 3,
      rounds: 5,
    });
    expect(parseFuzzOptions([])).toMatchObject({ minutes: 10 });
    expect(parseFuzzOptions(['--help'])).toBe('help');
  });

  it.each([[['--seed', 'x']], [['--minutes', '0']], [['--rounds', '-1']], [['--speed', '3']], [['seed']]])(
    'refuses %s and says what it takes',
    (words) => {
      expect(() => parseFuzzOptions(words)).toThrow(UsageError);
    },
  );
});

it('a seed chooses the same disturbances again, and all of them come', () => {
  const names = (seed: number, count: number) => {
    const random = new Random(seed);
    return Array.from({ length: count }, () => chooseDisturbance(random).name);
  };
  expect(names(7, 50)).toEqual(names(7, 50));
  expect(names(7, 50)).not.toEqual(names(8, 50));
  expect(new Set(names(7, 2000)).size).toBe(disturbances.length);
});
