import { afterAll, beforeAll, expect, it } from 'vitest';
import { openVerifySite, running, type VerifySite } from './verify-site.ts';

// Somebody presses Ctrl-C, or the machine goes down: no host may run on, and be paid for, unseen.
let site: VerifySite;
beforeAll(async () => {
  site = await openVerifySite();
});
afterAll(() => site?.close());

const midway = 'lag: a new file';

it('interrupted in the middle: everything is removed, and what was measured is reported', {
  timeout: 600_000,
}, async () => {
  const run = site.start('--yes');
  await site.cloud.waitFor(() => run.said().includes(midway), { what: midway, timeoutSeconds: 300 });
  run.child.kill('SIGINT');
  const { code, stdout } = await run.ended;
  expect(code, stdout).toBe(130);
  expect(stdout).toContain('Interrupted.');
  expect(stdout).toContain('Nothing is left in the account.');
  expect(JSON.parse(site.report('report.json'))).toMatchObject({
    steps: [{ id: 'join', kind: 'measured' }],
    left: [],
  });
  // The site first: its hosts read the secret
  expect(site.removed).toEqual([...site.made].reverse());
  expect(running(site.cloud)).toEqual([]);
});

it('killed in the middle: the next run refuses, names what is left, and --clean removes it', {
  timeout: 600_000,
}, async () => {
  const run = site.start('--yes');
  await site.cloud.waitFor(() => run.said().includes(midway), { what: midway, timeoutSeconds: 300 });
  run.child.kill('SIGKILL');
  await run.ended;
  expect(running(site.cloud).length).toBeGreaterThan(0);
  const again = await site.start('--yes').ended;
  expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('npm run verify-live -- --clean')]);
  expect(again.stderr).toContain('stack hostsync-verify-site');
  const { code, stdout } = await site.start('--clean').ended;
  expect([code, stdout]).toEqual([0, expect.stringContaining('Nothing is left in the account.')]);
  expect(running(site.cloud)).toEqual([]);
});
