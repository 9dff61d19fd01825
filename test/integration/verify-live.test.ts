import { afterAll, beforeAll, expect, it } from 'vitest';
import { measures } from '../../verify/run.ts';
import { accountDataIn } from '../../verify/scrub.ts';
import { hostGroup, openVerifySite, running, type VerifySite } from './verify-site.ts';

// Whoever lends an account must get what was promised: every figure, nothing of theirs in the report, and nothing left to pay for.
let site: VerifySite;
beforeAll(async () => {
  site = await openVerifySite();
});
afterAll(() => site?.close());

it('without a yes nothing is deployed', async () => {
  const { code, stdout, stderr } = await site.start().ended;
  expect(stdout).toContain('less than 30 minutes and costs less than a dollar');
  expect(stderr).toContain('There is nobody to ask. Nothing was changed.');
  expect([code, site.made]).toEqual([2, []]);
});

it('everything is measured and asked, reported without account data, and removed', {
  timeout: 900_000,
}, async () => {
  const { cloud } = site;
  const { code, stdout, stderr } = await site.start('--yes').ended;
  const report = JSON.parse(site.report('report.json') || '{}');
  expect(
    { code, steps: report.steps?.filter(({ kind }: { kind: string }) => kind !== 'measured') },
    stdout + stderr,
  ).toEqual({
    code: 0,
    steps: [],
  });
  expect(report.steps.map(({ id }: { id: string }) => id)).toEqual(measures.map(({ id }) => id));
  // What is asked on AWS has an answer here, too
  const unanswered = report.answers.filter(
    ({ answer, reason }: { answer?: string; reason?: string }) =>
      answer === undefined && !/^(?:needs|takes|only) /u.test(reason ?? ''),
  );
  expect(unanswered).toEqual([]);
  const known = [...cloud.instances().map(({ id }) => id), cloud.account.accountId, hostGroup];
  for (const file of ['report.md', 'report.json'] as const)
    expect(accountDataIn(site.report(file), known), file).toEqual([]);
  expect(site.report('report.md')).toContain('Nothing is left in the account.');
  expect([...site.removed].sort()).toEqual([...site.made].sort());
  expect(running(cloud)).toEqual([]);
  // Some questions are refused on purpose; IAM refused nothing, neither to the functions nor to who lends the account
  expect(site.problems().filter(({ kind }) => kind === 'denied')).toEqual([]);
});
