// `npm run verify-live`: one true run on AWS, for somebody who has an account.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { findDeployment } from '../cli/deployment.ts';
import { explain } from '../cli/errors.ts';
import { UsageError } from '../tour/options.ts';
import { Presenter } from '../tour/presenter.ts';
import { type Clients, openClients } from './connection.ts';
import { costRows, measuredMinutes, mostMinutes } from './cost.ts';
import { InterruptedError, openInterruption } from './interruption.ts';
import { parseVerifyOptions, usage, type VerifyOptions } from './options.ts';
import { isGood, type Report, reportMarkdown } from './report.ts';
import { Findings, messageOf, releaseOf, takeMeasures } from './run.ts';
import { accountDataIn, Scrubber } from './scrub.ts';
import { ownService, type Service } from './service.ts';
import { names } from './site.ts';
import { type TearDown, tearDown, whatIsLeft } from './tear-down.ts';

const project = resolve(import.meta.dirname, '..');

/** @returns the exit code: 0 if everything was measured and nothing is left; 130 if it was interrupted @throws {UsageError} */
export async function verifyLive(words: readonly string[]): Promise<number> {
  const options = parseVerifyOptions(words);
  if (options === 'help') {
    console.log(usage);
    return 0;
  }
  const presenter = new Presenter();
  try {
    return await verify(options, presenter);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const told = explain(error);
    presenter.fail(told === undefined ? error : new Error(`${told.message}. ${told.advice ?? ''}`.trim()));
    return told?.exitCode ?? 1;
  }
}

async function verify(options: VerifyOptions, presenter: Presenter): Promise<number> {
  const started = Date.now();
  const { service, prefix } = await serviceOf(options);
  const clients = openClients();
  const findings = new Findings();
  const { Account = '', Arn = '', UserId = '' } = await clients.sts.send(new GetCallerIdentityCommand({}));
  findings.secrets.push(Account, Arn, UserId, ...(options.profile === undefined ? [] : [options.profile]));
  const work: TearDown = {
    clients,
    service,
    prefix,
    signal: new AbortController().signal,
    step: (title, run) => presenter.step(title, run),
  };
  if (options.clean) return cleaned(await tearDown(work), presenter);
  const before = await whatIsLeft(work);
  if (before.length > 0)
    throw new UsageError(
      `An earlier run left something (${before.join(', ')}). Remove it: ${cleanLine(options)}`,
    );
  await agree(options, presenter);
  const wasInterrupted = await takeAll(options, { clients, service, prefix }, findings, presenter);
  const left = await tearDown(work);
  const report: Report = {
    v: 1,
    release: releaseOf(project),
    date: new Date(started).toISOString().slice(0, 10),
    region: options.region,
    cloud: options.endpoint === undefined ? 'AWS' : 'another cloud than AWS',
    minutes: (Date.now() - started) / 60_000,
    steps: findings.steps,
    answers: findings.answers,
    left,
  };
  writeReport(report, findings, options, presenter);
  cleaned(left, presenter);
  if (wasInterrupted) return 130;
  return isGood(report) ? 0 : 1;
}

/** Sets what the SDK reads from the environment: region, profile and endpoint. */
async function serviceOf({ region, profile, endpoint, deployed }: VerifyOptions): Promise<{
  readonly service: Service;
  readonly prefix: string;
}> {
  process.env['AWS_REGION'] = region;
  if (profile !== undefined) process.env['AWS_PROFILE'] = profile;
  if (endpoint !== undefined) process.env['AWS_ENDPOINT_URL'] = endpoint;
  if (deployed === undefined) return { service: ownService(region), prefix: names.prefix };
  const found = await findDeployment({ region, stage: deployed, output: 'json', color: false });
  return { service: { stage: deployed }, prefix: found.tagPrefix };
}

function cleanLine({ region, profile, deployed }: VerifyOptions): string {
  const more = [
    ...(profile === undefined ? [] : ['--profile', profile]),
    ...(deployed === undefined ? [] : ['--deployed', deployed]),
  ];
  return ['npm run verify-live -- --clean --region', region, ...more].join(' ');
}

/** @throws {UsageError} when the answer is no, or nobody can be asked */
async function agree({ yes, region, deployed }: VerifyOptions, presenter: Presenter): Promise<void> {
  const what = deployed === undefined ? 'hostsync and examples/wordpress' : 'examples/wordpress';
  presenter.say(`This deploys ${what} in ${region}, measures, and removes everything again.`);
  presenter.say(`It takes less than ${mostMinutes} minutes and costs less than a dollar:`);
  presenter.table(['what', 'list price'], costRows());
  if (yes) return;
  if (process.stdin.isTTY !== true)
    throw new UsageError('There is nobody to ask. Nothing was changed. Add --yes to go on');
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await reader.question('Go on? [y/N] ');
    if (!/^y(?:es)?$/iu.test(answer.trim())) throw new UsageError('Nothing was changed');
  } finally {
    reader.close();
  }
}

/** @returns whether the run was interrupted */
async function takeAll(
  options: VerifyOptions,
  connection: { readonly clients: Clients; readonly service: Service; readonly prefix: string },
  findings: Findings,
  presenter: Presenter,
): Promise<boolean> {
  const signal = openInterruption(
    () => presenter.say('Interrupted. A deployment in progress is finished, and then everything is removed.'),
    () => presenter.say(`Ended before everything was removed. Remove the rest: ${cleanLine(options)}`),
  );
  try {
    await takeMeasures(
      {
        options,
        ...connection,
        signal,
        deadline: Date.now() + measuredMinutes * 60_000,
        step: (title, run) => presenter.step(title, run),
      },
      findings,
    );
    return false;
  } catch (error) {
    if (error instanceof InterruptedError) return true;
    findings.steps.push({ id: 'run', title: 'the run itself', kind: 'failed', reason: messageOf(error) });
    return false;
  }
}

/** @throws {Error} rather than write down what belongs to the account */
function writeReport(
  report: Report,
  { secrets }: Findings,
  { output }: VerifyOptions,
  presenter: Presenter,
): void {
  const scrubber = new Scrubber(secrets);
  const markdown = scrubber.text(reportMarkdown(report));
  const json = `${JSON.stringify(scrubber.value(report), undefined, 2)}\n`;
  const found = accountDataIn(markdown + json, secrets);
  if (found.length > 0) throw new Error(`The report is not written: it would show ${found.join(', ')}`);
  mkdirSync(output, { recursive: true });
  writeFileSync(join(output, 'report.md'), markdown);
  writeFileSync(join(output, 'report.json'), json);
  presenter.table(
    ['step', 'result'],
    report.steps.map((step) => [
      step.title,
      step.kind === 'measured' ? 'measured' : `${step.kind}: ${step.reason}`,
    ]),
  );
  presenter.note(
    `wrote ${join(output, 'report.md')} and report.json: without account data, to attach to an issue`,
  );
}

function cleaned(left: readonly string[], presenter: Presenter): number {
  if (left.length === 0) presenter.say('Nothing is left in the account.');
  else presenter.say(`LEFT in the account: ${left.join('; ')}`);
  return left.length === 0 ? 0 : 1;
}
