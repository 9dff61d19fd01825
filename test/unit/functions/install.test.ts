import {
  GetCommandInvocationCommand,
  ListCommandInvocationsCommand,
  SendCommandCommand,
  type SendCommandCommandInput,
} from '@aws-sdk/client-ssm';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { healthyGroup, hostKey, instance, instanceId } from '../core/fixtures.ts';
import { lambdaContext } from './lambda-context.ts';
import * as aws from './mocked-aws.ts';

aws.stubEnvironment({ POWERTOOLS_METRICS_DISABLED: 'true' });
vi.mock('node:timers/promises', () => import('./passing-time.ts'));
const { handler } = await import('../../../functions/reconcile/handler.ts');

const { ssm } = aws;
const parts = [
  'install-one-document',
  'install-two-document',
  'install-three-document',
  'install-four-document',
  'install-five-document',
];
const newcomer = (number: number) => instance(number, { 'hostsync:group': 'web' });
const look = () => handler(aws.queueEvent('web', {}), lambdaContext);
const logged = () => vi.mocked(console.error).mock.calls.map(([text]) => JSON.parse(String(text)).message);

interface Sent {
  readonly id: string;
  readonly document: string;
  readonly hosts: readonly string[];
  readonly at: number;
}
let sent: Sent[];
/** Which hosts have the release, and what a host that cannot take it says. */
let installed: Set<string>;
let problem: string | undefined;

const answer = (kind: string, more: object) => JSON.stringify({ v: 1, kind, ...more });

function outputOf(command: Sent, host: string): readonly [string, string] {
  const number = parts.indexOf(command.document) + 1;
  if (number === 0)
    return installed.has(host)
      ? ['Success', answer('join', { epoch: 1, hostKey })]
      : ['Failed', answer('error', { error: 'other-release', message: 'not this one' })];
  if (problem !== undefined) return ['Failed', answer('error', { error: 'not-ready', message: problem })];
  if (number === parts.length) installed.add(host);
  return ['Success', answer('install', { release: '1', installed: number === parts.length })];
}

/** Hosts that answer at once, as they are when they are asked. */
function answerCommands(): void {
  const answers = new Map<string, object[]>();
  ssm.on(SendCommandCommand).callsFake(({ DocumentName = '', InstanceIds = [] }: SendCommandCommandInput) => {
    const id = `00000000-0000-4000-8000-${String(sent.length).padStart(12, '0')}`;
    const command = { id, document: DocumentName, hosts: InstanceIds, at: Date.now() };
    sent.push(command);
    const invocations = InstanceIds.map((InstanceId) => {
      const [StatusDetails, Output] = outputOf(command, InstanceId);
      return { InstanceId, StatusDetails, CommandPlugins: [{ Output }] };
    });
    answers.set(id, invocations);
    return { Command: { CommandId: id } };
  });
  ssm.on(GetCommandInvocationCommand).resolves({ StatusDetails: 'InProgress' });
  ssm.on(ListCommandInvocationsCommand).callsFake(({ CommandId }) => ({
    CommandInvocations: answers.get(CommandId) ?? [],
  }));
}
const documents = (host: string) =>
  sent.flatMap(({ document, hosts }) => (hosts.includes(host) ? [document] : []));

beforeEach(() => {
  aws.resetAws();
  sent = [];
  installed = new Set();
  problem = undefined;
  answerCommands();
});

describe('a newcomer that lacks the release', () => {
  it('gets all parts of the package in the same run, and is asked to join again', async () => {
    aws.show([...healthyGroup().instances, newcomer(4)]);
    await look();
    expect(logged()).toEqual([]);
    expect(documents(instanceId(4)).slice(0, parts.length + 2)).toEqual([
      'join-document',
      ...parts,
      'join-document',
    ]);
  });

  it('keeps no other newcomer waiting, which has it', async () => {
    installed.add(instanceId(5));
    aws.show([...healthyGroup().instances, newcomer(4), newcomer(5)]);
    await look();
    expect(documents(instanceId(4))).toEqual(['join-document', ...parts, 'join-document']);
    expect(documents(instanceId(5)).filter((document) => document !== 'push-document')).toEqual([
      'join-document',
    ]);
  });

  it('and cannot take it is reported once a run, in its own words, and not asked without end', async () => {
    problem = 'no room';
    aws.show([...healthyGroup().instances, newcomer(4)]);
    await look();
    const said = logged().filter((text) => text.includes('installing the host package'));
    expect(said).toEqual([expect.stringContaining(`on ${instanceId(4)} failed: Error: not-ready: no room`)]);
    expect(documents(instanceId(4)).filter((document) => document === 'install-one-document')).toHaveLength(
      1,
    );
  });

  it('and whose agent does not answer holds the run up no longer than its time', async () => {
    aws.show([...healthyGroup().instances, newcomer(4)]);
    const before = Date.now();
    const answersOf = ssm.commandCalls(ListCommandInvocationsCommand).length;
    ssm.on(ListCommandInvocationsCommand).callsFake(({ CommandId }) => {
      const command = sent.find(({ id }) => id === CommandId);
      const hosts = command?.document === 'join-document' ? command.hosts : [];
      return {
        CommandInvocations: hosts.map((InstanceId) => ({
          InstanceId,
          StatusDetails: 'Failed',
          CommandPlugins: [{ Output: answer('error', { error: 'other-release', message: '' }) }],
        })),
      };
    });
    await look();
    expect(answersOf).toBe(0);
    expect(Date.now() - before).toBeLessThan(50_000);
    expect(logged()).toContainEqual(expect.stringContaining('the host has not answered yet'));
  });
});

describe('after a deployment', () => {
  const pushed = (requestedAt: number) => ({
    CommandId: 'e8d3c0e4-71f7-4491-898f-c9b35bee5f3b',
    InstanceId: instanceId(1),
    Comment: 'hostsync push, group web',
    DocumentName: 'push-document',
    RequestedDateTime: new Date(requestedAt),
    StatusDetails: 'Failed',
    CommandPlugins: [{ ResponseCode: 16, Output: answer('error', { error: 'other-release', message: '' }) }],
  });

  it('the first push that is answered so brings the release to every host, secondaries before their primary', async () => {
    aws.show(healthyGroup().instances);
    const listed = ssm.on(ListCommandInvocationsCommand, { InstanceId: instanceId(1) });
    listed.resolves({ CommandInvocations: [pushed(Date.now())] });
    await look();
    const installs = sent.filter(({ document }) => document === 'install-one-document');
    expect(installs.map(({ hosts }) => hosts)).toEqual([[instanceId(2), instanceId(3)], [instanceId(1)]]);
    expect(logged()).toEqual([]);
    // the push is made at once, and was no failure
    expect(sent.at(-1)).toMatchObject({ document: 'push-document', hosts: [instanceId(1)] });
    expect(aws.eventBridge.calls()).toEqual([]);
  });
});
