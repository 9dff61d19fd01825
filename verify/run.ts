import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { askAll } from './ask.ts';
import type { Clients } from './connection.ts';
import { makePrimary, measureFailover, measureScaleOut, measureSwitchover } from './group-measures.ts';
import { hostsOf, privateNames } from './hosts.ts';
import { measureLag } from './lag.ts';
import { defaultNetwork } from './network.ts';
import type { VerifyOptions } from './options.ts';
import type { Answer, Figure, StepResult } from './report.ts';
import { measureOutput, measureThrottling } from './run-command-measures.ts';
import type { Scene } from './scene.ts';
import type { Service } from './service.ts';
import { names, parsePrimaryTags, secretTemplate, withPrefix } from './site.ts';
import { createStack } from './stacks.ts';

const template = resolve(import.meta.dirname, '..', 'examples', 'wordpress', 'template.yml');
/** Hosts of the site at first. */
const firstHosts = 2;

export interface Run {
  readonly options: VerifyOptions;
  readonly clients: Clients;
  readonly service: Service;
  readonly prefix: string;
  readonly signal: AbortSignal;
  /** Milliseconds since 1970, after which nothing more is measured. */
  readonly deadline: number;
  readonly step: <Result>(title: string, run: () => Promise<Result>) => Promise<Result>;
}

/** What a run finds out, as far as it has come. */
export class Findings {
  readonly steps: StepResult[] = [];
  answers: readonly Answer[] = [];
  /** What must not be in a report. */
  readonly secrets: string[] = [];
}

interface Measure {
  readonly id: string;
  readonly title: string;
  readonly take: (scene: Scene) => Promise<readonly Figure[]>;
}

/** In this order: a failover within ten minutes after a promotion would be held back, a switchover is not. */
export const measures: readonly Measure[] = [
  { id: 'join', title: 'the first sync of the group', take: (scene) => makePrimary(scene, firstHosts) },
  { id: 'lag', title: 'lag: a new file, from the primary to a secondary', take: measureLag },
  { id: 'scale-out', title: 'scale-out: one host more', take: measureScaleOut },
  { id: 'output', title: 'Run Command: delay, and limits of output', take: measureOutput },
  { id: 'throttling', title: 'Run Command: commands at once', take: measureThrottling },
  { id: 'failover', title: 'failover: the primary is stopped', take: measureFailover },
  { id: 'switchover', title: 'switchover: the role is handed over', take: measureSwitchover },
];
const questionsBefore = 'failover';

/** Deploys, and takes every measure. What fails is in the findings. @throws the reason of the signal */
export async function takeMeasures(run: Run, findings: Findings): Promise<void> {
  let scene: Scene;
  try {
    scene = await deploy(run, findings);
  } catch (error) {
    run.signal.throwIfAborted();
    findings.steps.push({ id: 'deploy', title: 'deploy', kind: 'failed', reason: messageOf(error) });
    return;
  }
  for (const measure of measures) {
    if (measure.id === questionsBefore)
      findings.answers = await run.step('open questions of the documentation', () => askAll(scene));
    findings.steps.push(await take(run, scene, measure));
    await noteSecrets(run, findings);
  }
}

async function take(run: Run, scene: Scene, { id, title, take }: Measure): Promise<StepResult> {
  run.signal.throwIfAborted();
  if (Date.now() > run.deadline) return { id, title, kind: 'skipped', reason: 'no time was left' };
  try {
    return { id, title, kind: 'measured', figures: await run.step(title, () => take(scene)) };
  } catch (error) {
    run.signal.throwIfAborted();
    return { id, title, kind: 'failed', reason: messageOf(error) };
  }
}

async function deploy(run: Run, findings: Findings): Promise<Scene> {
  const { options, clients, service, prefix, signal, step } = run;
  if (service.deploy !== undefined) await step('deploy hostsync, as a stage of its own', service.deploy);
  signal.throwIfAborted();
  const { vpc, subnets } =
    options.vpc === undefined
      ? await defaultNetwork(clients)
      : { vpc: options.vpc, subnets: options.subnets };
  const secret = await step('make a secret in place of a database, and a queue', () =>
    createStack(clients, { name: names.secretStack, template: secretTemplate }, signal),
  );
  const site = {
    name: names.siteStack,
    template: withPrefix(readFileSync(template, 'utf8'), prefix),
    parameters: {
      Group: names.group,
      Vpc: vpc,
      LoadBalancerSubnets: subnets.join(),
      HostSubnets: subnets.join(),
      WordPressVersion: options.wordPress,
      DatabaseHost: 'database.invalid',
      DatabaseSecret: secret.get('DatabaseSecret') ?? '',
      Hosts: String(firstHosts),
    },
  };
  const outputs = await step('deploy examples/wordpress', () => createStack(clients, site, signal));
  findings.secrets.push(vpc, ...subnets, ...secret.values(), ...outputs.values());
  const primaryTags = parsePrimaryTags(outputs.get('PrimaryTags') ?? '');
  const scalingGroup = outputs.get('HostGroup') ?? '';
  const queueUrl = secret.get('QueueUrl') ?? '';
  const { stage } = service;
  return { clients, signal, stage, prefix, group: names.group, scalingGroup, queueUrl, primaryTags };
}

async function noteSecrets({ clients, prefix }: Run, findings: Findings): Promise<void> {
  const ids = (await hostsOf(clients, prefix, names.group)).map(({ id }) => id);
  findings.secrets.push(...(await privateNames(clients, ids)));
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The release that is measured. */
export function releaseOf(project: string): string {
  const manifest: unknown = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'));
  const version =
    typeof manifest === 'object' && manifest !== null ? Reflect.get(manifest, 'version') : undefined;
  return typeof version === 'string' ? version : 'unknown';
}
