import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { Route53Client } from '@aws-sdk/client-route-53';
import { SNSClient } from '@aws-sdk/client-sns';
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { type LocalCloud, startCloud } from 'local-cloud';
import { vi } from 'vitest';
import { openFakeFleet } from '../../../packages/local-cloud/test/unit/fake-fleet.ts';
import { samplePackage } from '../../../packages/local-cloud/test/unit/sample-package.ts';
import { hostKey, publicKey } from '../core/fixtures.ts';
import { tableResource } from '../table.ts';
import { lambdaContext, scheduledEvent } from './lambda-context.ts';

type Handler = (event: unknown, context: typeof lambdaContext) => Promise<unknown>;

/** Answers a request as the commands of the host package do where all goes well and there is nothing to send. Source: docs/host-package.md. */
const script = (kind: string, clock: string) => [
  '#!/bin/bash',
  `kind=${kind}`,
  // zlib's form with the head of gzip's, and so without an end that gzip knows
  `request=$( { printf '\\037\\213\\010\\0\\0\\0\\0\\0\\0\\0'; echo '{{ request }}' | base64 -d | tail -c +3; } | gzip -dc 2>/dev/null)`,
  // Minutes pass here in no time, and the tests say how many have
  `now=$((EPOCHSECONDS + $(<${clock})))`,
  `line() { printf '{"v":1,"kind":"%s",%s}\\n' "$1" "$2"; }`,
  'field() { while IFS=$\'\\t\' read -r key value _; do [[ $key != "$1" ]] || echo "$value"; done <<<"$request"; }',
  'epoch=$(field epoch)',
  'case $kind in',
  `join) line join "\\"epoch\\":$epoch,\\"hostKey\\":\\"${hostKey}\\"" ;;`,
  `promote) line promote "\\"epoch\\":$epoch,\\"publicKey\\":\\"${publicKey}\\"" ;;`,
  'leave) line leave "\\"epoch\\":$epoch,\\"prepared\\":false,\\"stranded\\":0" ;;',
  'rescue) for id in $(field secondary); do line rescue "\\"id\\":\\"$id\\",\\"ok\\":true,\\"files\\":0,\\"conflicts\\":0,\\"examples\\":[]"; done ;;',
  'install_*) line install "\\"release\\":\\"1\\",\\"installed\\":true" ;;',
  'probe) line probe "\\"id\\":\\"$(field secondary)\\",\\"reached\\":false,\\"message\\":\\"no answer\\"" ;;',
  'push)',
  '  for id in $(field secondary); do',
  '    line secondary "\\"id\\":\\"$id\\",\\"ok\\":true,\\"started\\":$now,\\"files\\":0,\\"deleted\\":0,\\"bytes\\":0,\\"seconds\\":0"',
  '  done',
  '  line push "\\"ok\\":true,\\"started\\":$now,\\"seconds\\":0" ;;',
  'esac',
];

const kinds = [
  ...(['push', 'join', 'promote', 'leave', 'rescue', 'probe'] as const),
  ...(['install_one', 'install_two', 'install_three', 'install_four', 'install_five'] as const),
] as const;
const capital = (word: string) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`;
/** Of a stage with this prefix. */
const logicalId = (prefix: string, kind: string) => `${capital(prefix)}${capital(kind)}`;
const document = (kind: string, clock: string) => ({
  Type: 'AWS::SSM::Document',
  Properties: {
    DocumentType: 'Command',
    Content: {
      schemaVersion: '2.2',
      parameters: {
        request: { type: 'String', allowedPattern: '^[A-Za-z0-9+/=]*$', default: '' },
        fence: { type: 'String', default: '' },
      },
      mainSteps: [
        {
          action: 'aws:runShellScript',
          name: kind,
          inputs: { timeoutSeconds: '60', runCommand: script(kind, clock) },
        },
      ],
    },
  },
});

const environment = {
  HOSTSYNC_JOIN_TIMEOUT: '3600',
  HOSTSYNC_JOIN_FAILURE: 'ABANDON',
  HOSTSYNC_REMIND_AFTER: '21600',
  HOSTSYNC_RESCUE_QUIET: '0',
  HOSTSYNC_GROUP_WAIT: '0',
  HOSTSYNC_GROUP_INTERVAL: '0',
  HOSTSYNC_BEHIND_AFTER: '300',
  HOSTSYNC_OVERRUN_AFTER: '60',
  HOSTSYNC_TICK_SECONDS: '60',
  HOSTSYNC_METRICS_BY_SECONDARY: 'false',
  HOSTSYNC_FAILOVER: 'auto',
  HOSTSYNC_FAILOVER_TICKS: '2',
  HOSTSYNC_PROMOTE_WITHIN: '900',
  HOSTSYNC_COOL_DOWN: '600',
  HOSTSYNC_HOSTED_ZONE: '',
  AWS_REGION: 'eu-west-1',
  POWERTOOLS_DEV: 'true',
  POWERTOOLS_LOG_LEVEL: 'ERROR',
  POWERTOOLS_METRICS_DISABLED: 'true',
};

/** As Lambda runs the functions: by the events that serverless.yml has them listen to. */
const listeners: Readonly<Record<string, readonly string[]>> = {
  'EC2 Instance State-change Notification running': ['instance-launch'],
  'EC2 Instance State-change Notification stopping': ['instance-termination', 'primary-failure'],
  'EC2 Instance State-change Notification shutting-down': ['instance-termination', 'primary-failure'],
  'EC2 Instance-launch Lifecycle Action': ['instance-launch'],
  'EC2 Instance-terminate Lifecycle Action': ['instance-termination', 'primary-failure'],
  'EC2 Command Invocation Status-change Notification Success': ['command-result'],
};

const lanes = {
  Type: 'AWS::SQS::Queue',
  Properties: { FifoQueue: true, VisibilityTimeout: 43_200, MessageRetentionPeriod: 1_209_600 },
};

/** What stages share that run over one cloud: all but the cloud is of the test. */
interface Surroundings {
  readonly cloud: LocalCloud;
  /** A file with the seconds that have passed beside the real ones. */
  readonly clock: string;
  readonly logged: Error[];
  minutes: number;
}

/**
 * The handlers, in this process, over the local cloud with hosts that only answer. Calls are tried once, and waits are short: a fault
 * strikes at once.
 */
export class FakeService {
  readonly cloud: LocalCloud;
  readonly #surroundings: Surroundings;
  readonly #handlers: ReadonlyMap<string, Handler>;
  readonly #documents: ReadonlySet<string>;
  readonly #sqs: SQSClient;
  readonly #queue: string;
  #seen = 0;

  constructor(surroundings: Surroundings, prefix: string, handlers: ReadonlyMap<string, Handler>) {
    const { cloud } = surroundings;
    this.cloud = cloud;
    this.#surroundings = surroundings;
    this.#handlers = handlers;
    this.#documents = new Set(kinds.map((kind) => cloud.physicalName(logicalId(prefix, kind))));
    this.#sqs = new SQSClient({ ...cloud.clientConfig(), useQueueUrlAsEndpoint: false });
    this.#queue = queueUrl(cloud, prefix);
  }

  /**
   * A minute passes, the schedule fires, and what listens to the events until then runs.
   *
   * @returns what left the functions, or was logged as an error
   */
  async tick(): Promise<readonly unknown[]> {
    const { clock, logged } = this.#surroundings;
    this.#surroundings.minutes += 1;
    vi.setSystemTime(Date.now() + 60_000);
    await writeFile(clock, String(this.#surroundings.minutes * 60));
    const errors = [...(await this.#run('sync', scheduledEvent(new Date().toISOString())))];
    // What the looks do makes events, and those ask for looks
    for (let round = 0; round < 3; round += 1) {
      errors.push(...(await this.#serveLanes()));
      await this.cloud.settle();
      const events = this.cloud.events().slice(this.#seen);
      this.#seen += events.length;
      for (const { event } of events) errors.push(...(await this.#deliver(event)));
      errors.push(...(await this.#serveLanes()));
      await this.cloud.settle();
    }
    return [...errors, ...logged.splice(0)];
  }

  async #deliver(event: { readonly 'detail-type': string; readonly detail: object }) {
    const { 'detail-type': type, detail } = event;
    if ('document-name' in detail && !this.#documents.has(String(detail['document-name']))) return [];
    const state = 'state' in detail ? detail.state : 'status' in detail ? detail.status : undefined;
    const names = listeners[state === undefined ? type : `${type} ${state}`] ?? [];
    return (await Promise.all(names.map((name) => this.#run(name, event)))).flat();
  }

  /** As the event source mapping: one message at a time. */
  async #serveLanes(): Promise<readonly unknown[]> {
    const errors: unknown[] = [];
    const QueueUrl = this.#queue;
    for (;;) {
      const { Messages = [] } = await this.#sqs.send(new ReceiveMessageCommand({ QueueUrl }));
      const [message] = Messages;
      if (message === undefined) return errors;
      errors.push(...(await this.#run('reconcile', { Records: [{ body: message.Body }] })));
      await this.#sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle }));
    }
  }

  async #run(name: string, event: unknown): Promise<readonly unknown[]> {
    try {
      await this.#handlers.get(name)?.(event, lambdaContext);
      return [];
    } catch (error) {
      return [error];
    }
  }
}

/** @returns what ends it as well */
export async function startFakeService(): Promise<readonly [FakeService, () => Promise<void>]> {
  const [[service], close] = await startFakeStages(['hostsync']);
  if (service === undefined) throw new Error('fixture');
  return [service, close];
}

/**
 * Stages with these prefixes in one account and region, over the same instances.
 *
 * @returns what ends them as well
 */
export async function startFakeStages(
  prefixes: readonly string[],
): Promise<readonly [readonly FakeService[], () => Promise<void>]> {
  vi.useFakeTimers({ toFake: ['Date'], shouldAdvanceTime: true });
  const fleet = await openFakeFleet();
  const directory = await mkdtemp(join(tmpdir(), 'fake-service-'));
  const clock = join(directory, 'clock');
  await writeFile(clock, '0');
  const resources = Object.assign({}, ...prefixes.map((prefix) => stageResources(prefix, clock)));
  const packageDirectory = await samplePackage({ resources });
  const cloud = await startCloud({
    packageDirectory,
    tickSeconds: 'manual',
    fleet,
    timeScale: 100,
    impairedSeconds: 0.05,
    connectionLostSeconds: 5,
  });
  const surroundings: Surroundings = { cloud, clock, logged: [], minutes: 0 };
  vi.spyOn(console, 'error').mockImplementation((text) =>
    surroundings.logged.push(new Error(JSON.parse(String(text)).message)),
  );
  mockAws(cloud, await vi.importActual('node:timers/promises'));
  const services: FakeService[] = [];
  for (const prefix of prefixes) {
    stubEnvironment(cloud, prefix);
    vi.resetModules();
    services.push(new FakeService(surroundings, prefix, await importHandlers()));
  }
  const close = async () => {
    await cloud.close();
    await fleet.close();
    for (const each of [packageDirectory, directory]) await rm(each, { recursive: true, force: true });
    vi.useRealTimers();
    vi.doUnmock('../../../shared/aws/clients.ts');
    vi.doUnmock('node:timers/promises');
  };
  return [services, close];
}

const tableName = (prefix: string) => `${prefix}-test`;

function stageResources(prefix: string, clock: string) {
  const documents = kinds.map((kind) => [logicalId(prefix, kind), document(kind, clock)] as const);
  const { Type, Properties } = tableResource;
  return {
    ...Object.fromEntries(documents),
    [logicalId(prefix, 'memory')]: { Type, Properties: { ...Properties, TableName: tableName(prefix) } },
    [logicalId(prefix, 'lanes')]: lanes,
  };
}

function stubEnvironment(cloud: LocalCloud, prefix: string): void {
  for (const kind of kinds)
    vi.stubEnv(`HOSTSYNC_${kind.toUpperCase()}_DOCUMENT`, cloud.physicalName(logicalId(prefix, kind)));
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  vi.stubEnv('HOSTSYNC_TAG_PREFIX', prefix);
  vi.stubEnv('HOSTSYNC_TABLE', tableName(prefix));
  vi.stubEnv('HOSTSYNC_QUEUE', queueUrl(cloud, prefix));
}

function queueUrl(cloud: LocalCloud, prefix: string): string {
  const { region, accountId } = cloud.account;
  return `https://sqs.${region}.amazonaws.com/${accountId}/${cloud.physicalName(logicalId(prefix, 'lanes'))}`;
}

function mockAws(cloud: LocalCloud, { setTimeout: sleep }: typeof import('node:timers/promises')): void {
  const config = { ...cloud.clientConfig(), maxAttempts: 1 };
  vi.doMock('../../../shared/aws/clients.ts', () => ({
    makeClients: () => ({
      autoScaling: new AutoScalingClient(config),
      dynamoDb: DynamoDBDocumentClient.from(new DynamoDBClient(config)),
      ec2: new EC2Client(config),
      eventBridge: new EventBridgeClient(config),
      loadBalancing: new ElasticLoadBalancingV2Client(config),
      route53: new Route53Client(config),
      sns: new SNSClient(config),
      sqs: new SQSClient({ ...config, useQueueUrlAsEndpoint: false }),
      ssm: new SSMClient(config),
    }),
  }));
  vi.doMock('node:timers/promises', () => ({
    setTimeout: (milliseconds: number) => sleep(milliseconds / 20),
  }));
}

async function importHandlers(): Promise<ReadonlyMap<string, Handler>> {
  const imported = await Promise.all([
    import('../../../functions/sync/handler.ts'),
    import('../../../functions/reconcile/handler.ts'),
    import('../../../functions/instance-launch/handler.ts'),
    import('../../../functions/instance-termination/handler.ts'),
    import('../../../functions/primary-failure/handler.ts'),
    import('../../../functions/command-result/handler.ts'),
  ]);
  const names = [
    'sync',
    'reconcile',
    'instance-launch',
    'instance-termination',
    'primary-failure',
    'command-result',
  ];
  return new Map(imported.map(({ handler }, index) => [names[index] ?? '', handler as Handler]));
}
