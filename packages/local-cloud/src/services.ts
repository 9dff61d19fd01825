import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CallFaults } from './api/faults.ts';
import type { Caller, Service } from './api/registry.ts';
import { ScenarioFaults } from './api/scenario-faults.ts';
import { AwsServer } from './api/server.ts';
import { AutoScaling } from './auto-scaling/auto-scaling.ts';
import { autoScalingService } from './auto-scaling/operations.ts';
import type { Account } from './base/account.ts';
import { Clock } from './base/clock.ts';
import { Activity, Journal } from './base/journal.ts';
import { readPackage, type ServicePackage } from './cloudformation/package.ts';
import { PlayedStacks } from './cloudformation/played-stacks.ts';
import type { Stack } from './cloudformation/stack.ts';
import { cloudFormationService } from './cloudformation/stack-operations.ts';
import { cloudWatchService } from './cloudwatch/alarm-operations.ts';
import { Alarms } from './cloudwatch/alarms.ts';
import { logsService } from './cloudwatch/log-operations.ts';
import { ServiceMetrics } from './cloudwatch/service-metrics.ts';
import { dynamoDbService } from './dynamodb/operations.ts';
import { LocalTable, TableEngine } from './dynamodb/tables.ts';
import { Ec2 } from './ec2/ec2.ts';
import { ec2Service } from './ec2/operations.ts';
import { EventBus } from './events/bus.ts';
import { eventsService } from './events/operations.ts';
import { Rules } from './events/rules.ts';
import type { HostFleet } from './hosts/host.ts';
import { Iam } from './iam/iam.ts';
import { Destinations } from './lambda/destinations.ts';
import { openMappings } from './lambda/event-source-mapping.ts';
import { FunctionKills } from './lambda/kills.ts';
import { LambdaService } from './lambda/lambda.ts';
import { lambdaOperations } from './lambda/operations.ts';
import { loadBalancingService } from './load-balancing/operations.ts';
import { TargetGroups } from './load-balancing/target-groups.ts';
import { HostedZones } from './route53/hosted-zones.ts';
import { route53Service } from './route53/operations.ts';
import { Sns, snsService } from './sns/sns.ts';
import { sqsService } from './sqs/operations.ts';
import { Queues } from './sqs/queues.ts';
import { awsDocuments } from './ssm/aws-documents.ts';
import { readDocument } from './ssm/document.ts';
import type { ManagedNode } from './ssm/nodes.ts';
import { ssmService } from './ssm/operations.ts';
import { ParameterStore } from './ssm/parameter-store.ts';
import { RunCommand } from './ssm/run-command.ts';
import { stsService } from './sts/operations.ts';

export interface CloudOptions {
  /** where `serverless package` has put its artefacts */
  readonly packageDirectory: string;
  /** seconds between two firings of the schedule rules, whatever their own rate; `manual`: only at `tick()` */
  readonly tickSeconds: number | 'manual';
  readonly fleet: HostFleet;
  /** values for the template's parameters */
  readonly parameters?: Readonly<Record<string, string>>;
  /** how many times faster mere waiting goes: retries of Lambda, timeouts of commands whose host is gone. Default 1 */
  readonly timeScale?: number;
  /** seconds (never scaled) that something is the matter with a host before EC2's status checks are `impaired`. Default 3 */
  readonly impairedSeconds?: number;
  /** seconds (which `timeScale` makes shorter) of silence before an agent's `PingStatus` is `ConnectionLost`. Default 300 */
  readonly connectionLostSeconds?: number;
  readonly log?: (line: string) => void;
}

/** The services of a local cloud, connected to each other. */
export interface CloudServices {
  readonly service: ServicePackage;
  readonly stateDirectory: string;
  readonly fleet: HostFleet;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly activity: Activity;
  readonly bus: EventBus;
  readonly ec2: Ec2;
  readonly autoScaling: AutoScaling;
  readonly targetGroups: TargetGroups;
  readonly zones: HostedZones;
  readonly nodes: Map<string, ManagedNode>;
  readonly connectionLostSeconds: number;
  readonly runCommand: RunCommand;
  readonly parameters: ParameterStore;
  readonly playedStacks: PlayedStacks;
  readonly sns: Sns;
  readonly destinations: Destinations;
  readonly server: AwsServer;
  readonly queues: Queues;
  readonly tables: readonly LocalTable[];
  readonly tableEngine: TableEngine;
  readonly lambda: LambdaService;
  readonly rules: Rules;
  readonly alarms: Alarms;
  readonly faults: ScenarioFaults;
  readonly operator: Caller;
}

/** Reads the package and starts everything but hosts. @throws LocalCloudError */
export async function openServices(options: CloudOptions): Promise<CloudServices> {
  const service = await readPackage(options.packageDirectory, options.parameters ?? {});
  // what is in the directory of a sandbox goes away with it, however it ends
  const parent = process.env['LOCAL_CLOUD_SANDBOX'] ?? tmpdir();
  const stateDirectory = await mkdtemp(join(parent, 'cloud-'));
  try {
    // without it, Node would read the type of a bundle's modules from a package.json further up
    await writeFile(join(stateDirectory, 'package.json'), '{}');
    return await connect(service, stateDirectory, options);
  } catch (error) {
    await rm(stateDirectory, { recursive: true, force: true });
    throw error;
  }
}

async function connect(
  service: ServicePackage,
  stateDirectory: string,
  options: CloudOptions,
): Promise<CloudServices> {
  const log = options.log ?? (() => undefined);
  const { account, stack } = service;
  const clock = new Clock(options.timeScale ?? 1);
  const journal = new Journal(log);
  const activity = new Activity(journal);
  const bus = new EventBus(account, activity, clock);
  const ec2 = new Ec2(account, bus, options.impairedSeconds ?? 3);
  const targetGroups = new TargetGroups(account, ec2, clock);
  const autoScaling = new AutoScaling(account, bus, activity, clock, targetGroups);
  const iam = new Iam(account.accountId, policiesByResource(stack));
  for (const policy of stack.resourcePolicies)
    await iam.checkResourcePolicy(policy.logicalId, policy.document);
  const sns = new Sns(stack.topics);
  const metrics = new ServiceMetrics();
  const nodes = new Map<string, ManagedNode>();
  const scratchDirectory = join(stateDirectory, 'commands');
  await mkdir(scratchDirectory);
  const runCommand = new RunCommand({ account, events: bus, activity, clock, scratchDirectory });
  const parameters = new ParameterStore(account);
  const callFaults = new CallFaults();
  const kills = new FunctionKills();
  const faults = new ScenarioFaults(callFaults, bus, ec2, kills, () => services);
  const zones = new HostedZones(clock);
  const urlOf = (name: string) => `https://sqs.${account.region}.amazonaws.com/${account.accountId}/${name}`;
  const queues = new Queues(stack, clock, metrics, urlOf);
  const tableEngine = new TableEngine();
  const tables = stack.tables.map((resource) => new LocalTable(resource, tableEngine));
  for (const table of tables) await table.make();
  const documents = [...stack.documents.map(readDocument), ...awsDocuments(account)];
  const playedStacks = new PlayedStacks(account, activity);
  // What opens after the server, which they ask when they are asked
  let opened: { readonly lambda: LambdaService; readonly alarms: Alarms } | undefined;
  const services: readonly Service[] = [
    ec2Service(ec2, { machineOf: (id) => autoScaling.findInstance(id), activity }),
    autoScalingService(autoScaling),
    ssmService({
      account,
      nodes,
      documents,
      runCommand,
      parameters,
      iam,
      invocationLagSeconds: () => faults.lagSeconds,
    }),
    eventsService(account, bus),
    snsService(sns),
    stsService(account),
    loadBalancingService(targetGroups),
    route53Service(account, zones),
    sqsService(account, queues),
    dynamoDbService(account, tables, tableEngine),
    lambdaOperations(account, stack),
    logsService(account, stack, () => opened?.lambda.invocations ?? []),
    cloudWatchService(account, () => opened?.alarms.all() ?? []),
    cloudFormationService(account, playedStacks),
  ];
  const server = new AwsServer({ account, services, iam, journal, faults: callFaults, kills, clock });
  await server.listen();
  const destinations = new Destinations({ stack, sns, iam, journal, metrics });
  try {
    const lambda = await LambdaService.open(stack, {
      account,
      packageDirectory: options.packageDirectory,
      stateDirectory,
      endpoint: server.url,
      issue: (caller) => server.issue(caller),
      iam,
      destinations,
      journal,
      activity,
      clock,
      metrics,
    });
    kills.connect((accessKeyId) => lambda.crash(accessKeyId));
    destinations.connect((arn, payload, cause) => lambda.invokeAsync(arn, payload, cause));
    await openMappings(stack, { region: account.region, queues, lambda, iam, journal, activity, clock });
    const rules = await Rules.open(stack, { account, bus, lambda, journal, activity, destinations, metrics });
    const alarms = await Alarms.open({
      account,
      stack,
      sns,
      iam,
      journal,
      events: bus,
      queueDepth: (queueName, at) => queues.depth(queueName) ?? destinations.depth(queueName, at),
      queueAge: (queueName) => queues.age(queueName),
      measured: (until) =>
        [...lambda.invocations.flatMap((run) => run.metrics), ...metrics.data].filter(
          ({ at }) => at <= until,
        ),
    });
    opened = { lambda, alarms };
    if (options.tickSeconds !== 'manual') rules.startSchedule(options.tickSeconds);
    return {
      service,
      stateDirectory,
      fleet: options.fleet,
      clock,
      journal,
      activity,
      bus,
      ec2,
      autoScaling,
      targetGroups,
      zones,
      nodes,
      // the real delay is not documented; the heartbeat comes every five minutes
      connectionLostSeconds: options.connectionLostSeconds ?? 300,
      runCommand,
      parameters,
      playedStacks,
      sns,
      queues,
      tables,
      tableEngine,
      destinations,
      server,
      lambda,
      rules,
      alarms,
      faults,
      operator: operatorOf(account),
    };
  } catch (error) {
    await server.close();
    await tableEngine.close();
    throw error;
  }
}

function operatorOf(account: Account): Caller {
  const principalArn = `arn:${account.partition}:iam::${account.accountId}:user/operator`;
  return { kind: 'operator', name: 'operator', principalArn, policies: [] };
}

function policiesByResource(stack: Stack): ReadonlyMap<string, unknown> {
  return new Map(
    stack.resourcePolicies.flatMap(({ resources, document }) =>
      resources.map((arn) => [arn, document] as const),
    ),
  );
}
