import { expect, it } from 'vitest';
import { parseUninstall } from '../../../../shared/core/operator/uninstall-answer.ts';

const said = (...lines: readonly string[]) =>
  ({ known: true, value: { output: lines.join('\n'), askedAt: 0, answeredAt: 1 } }) as const;

it('a host is clean only by its own word; what it kept is named', () => {
  expect(parseUninstall(said('noise', '{"v":1,"kind":"uninstall","kept":[]}'))).toEqual({
    kind: 'gone',
    kept: [],
  });
  expect(parseUninstall(said('{"v":1,"kind":"uninstall","kept":["/etc/hostsync/hooks"]}'))).toEqual({
    kind: 'gone',
    kept: ['/etc/hostsync/hooks'],
  });
});

it.each([
  [said('{"v":1,"kind":"error","error":"not-ready","message":"userdel failed"}'), 'userdel failed'],
  [said('Killed'), 'its answer cannot be read'],
  [said('{"v":1,"kind":"uninstall"}'), 'its answer cannot be read'],
  [{ known: false, reason: 'it has not answered within 180 s' } as const, 'it has not answered within 180 s'],
])('else something is left, and why is said', (answer, reason) => {
  expect(parseUninstall(answer)).toEqual({ kind: 'left', reason });
});
