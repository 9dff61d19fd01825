import { expect, it } from 'vitest';
import { holdOf, isInhibited, secondaryCode } from '../../../../shared/core/incidents/rules.ts';

it.each([
  ['unreachable', 30, 30],
  ['push-failed', 30, 30],
  ['push-overrun', 30, 0],
  ['overdue', 30, 0],
  ['no-primary', 30, 45],
  ['no-primary', 0, 45],
  ['several-primaries', 60, 60],
  ['primary-unavailable', 30, 120],
  ['primary-suspected', 30, 120],
  ['rescue-failed', 30, 120],
  ['join-failed', 30, 300],
  ['join-failed', 0, 0],
])('%s must hold, with a group wait of %i s, for %i s', (code, groupWait, seconds) => {
  expect(holdOf(code, { groupWait })).toBe(seconds * 1000);
});

it.each([
  ['primary-unavailable', ['promotion-blocked'], true],
  ['primary-unavailable', ['primary-suspected'], true],
  ['primary-suspected', ['promotion-blocked'], true],
  ['promotion-blocked', ['primary-suspected', 'primary-unavailable'], false],
  ['primary-suspected', ['primary-suspected'], false],
  ['unreachable', ['promotion-blocked'], false],
])('%s beside %j is left untold: %s', (code, raised, expected) => {
  expect(isInhibited(code, raised)).toBe(expected);
});

it.each([
  ['timeout', 'unreachable', 'unreachable'],
  ['unreachable', 'timeout', 'timeout'],
  ['disk-full', 'unreachable', 'disk-full'],
  ['unreachable', undefined, 'unreachable'],
])('%s after %s is of the kind %s', (error, before, expected) => {
  expect(secondaryCode(error, before)).toBe(expected);
});
