import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AwsError, writeResult } from 'local-cloud/api';
import * as v from 'valibot';
import { openCpuCap } from './cpu-cap.ts';
import { ec2Service } from './ec2.ts';
import { type Edition, readEdition } from './edition.ts';
import { type Fleet, type FleetGroup, makeFleet } from './fleet.ts';
import { invoke } from './invocation.ts';
import {
  autoScalingService,
  eventBridgeService,
  loadBalancingService,
  route53Service,
  snsService,
  sqsService,
} from './other-services.ts';
import { type Call, FakeAws, type FakeService } from './server.ts';
import { FakeSsm, isPush } from './ssm.ts';
import { rounded, scaledSeconds, type TickMeasure } from './summary.ts';
import { dynamoDbService } from './table.ts';

export interface MeasureOptions {
  readonly groups: number;
  readonly hosts: number;
  /** Overrides the memory in serverless.yml. */
  readonly memoryMiB: number | undefined;
  /** The project, or another commit of it. */
  readonly project: string;
  /** A directory for the bundle and the log. */
  readonly output: string;
  /** Milliseconds that each call takes. */
  readonly callMilliseconds: number;
  readonly signal: AbortSignal;
}

/** Measures one tick of `makeFleet`'s groups, by the function `sync` of one edition. */
export async function measureTick(options: MeasureOptions): Promise<TickMeasure> {
  const { groups, hosts, project, output, callMilliseconds, signal } = options;
  const read = await readEdition(project, output);
  const edition = { ...read, memoryMiB: options.memoryMiB ?? read.memoryMiB };
  const fleet = makeFleet({ groups, hosts, now: Date.now() });
  const count = new CallCount(fleet);
  const services = servicesOf(fleet, edition);
  const aws = await FakeAws.start({ services, delay: callMilliseconds, onCall: (call) => count.add(call) });
  const cap = openCpuCap(edition.memoryMiB);
  try {
    const others = otherCpuSeconds();
    const ended = await invoke({
      edition,
      cap,
      signal,
      endpoint: aws.url,
      log: join(output, 'sync.log'),
      onInvoked: (at, use) => count.begin(at, () => use().cpuSeconds),
    });
    const { pushes, calls, last } = count;
    const { cpuSeconds, peakMiB } = ended.use;
    const isHeld = cap.kind === 'quota' || cap.cores >= 1;
    const scaled = (seconds: number, cpu: number) =>
      rounded(isHeld ? seconds : scaledSeconds(seconds, cpu, cap.cores), 3);
    return {
      groups,
      hosts,
      expectedPushes: fleet.groups.filter(({ hosts: [primary] }) => primary?.alive).length,
      end: ended.end,
      message: ended.message,
      pushes: pushes.size,
      calls: sorted(calls),
      lastPushSeconds: last === undefined ? null : scaled(last.seconds, last.cpuSeconds),
      seconds: scaled(ended.seconds, cpuSeconds),
      cpuSeconds: rounded(cpuSeconds, 2),
      peakMiB: rounded(peakMiB, 1),
      memoryMiB: edition.memoryMiB,
      cores: rounded(cap.cores, 3),
      cap: isHeld ? 'quota' : 'scaled',
      otherCpuSeconds: rounded(Math.max(0, otherCpuSeconds() - others - cpuSeconds), 1),
      late: {
        mean: rounded(aws.late.total / Math.max(1, aws.late.answers), 1),
        most: rounded(aws.late.most, 0),
      },
      unserved: [...aws.unserved],
    };
  } finally {
    cap.close();
    await aws.close();
  }
}

function servicesOf(fleet: Fleet, edition: Edition): readonly FakeService[] {
  const ec2 = ec2Service(fleet);
  warmUp(ec2);
  return [
    ec2,
    new FakeSsm({ fleet, pushDocument: edition.pushDocument }).service,
    autoScalingService(fleet),
    dynamoDbService(edition.tableKeys, new Map([[edition.table, fleet.groups.map(({ head }) => head)]])),
    eventBridgeService(),
    loadBalancingService(),
    route53Service(),
    snsService(),
    sqsService(),
  ];
}

/** Calls that change something. */
const writes = new Set([
  ...['ec2:CreateTags', 'ec2:DeleteTags', 'ssm:PutParameter', 'ssm:DeleteParameter'],
  ...['PutItem', 'UpdateItem', 'DeleteItem', 'TransactWriteItems', 'BatchWriteItem'].map(
    (name) => `dynamodb:${name}`,
  ),
]);

const sendCommand = v.object({ DocumentName: v.string(), InstanceIds: v.array(v.string()) });

/** Counts the calls from the invocation on, and fails the writes of one group. */
class CallCount {
  readonly #fleet: Fleet;
  readonly #refusing: readonly RegExp[];
  readonly calls = new Map<string, number>();
  /** The groups that were sent a push. */
  readonly pushes = new Set<FleetGroup>();
  /** The last of them: seconds, and CPU seconds, from the invocation on. */
  last: { readonly seconds: number; readonly cpuSeconds: number } | undefined;
  #began = 0;
  #cpuSeconds = () => 0;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
    this.#refusing = fleet.groups.flatMap(({ name, hosts, refusesWrites }) =>
      refusesWrites
        ? [new RegExp(`(?<![\\w-])(?:${[name, ...hosts.map(({ id }) => id)].join('|')})(?![\\w-])`, 'u')]
        : [],
    );
  }

  begin(at: number, cpuSeconds: () => number): void {
    this.#began = at;
    this.#cpuSeconds = cpuSeconds;
  }

  /** @throws AwsError for a write of the group that refuses them */
  add({ api, input, at }: Call): void {
    this.calls.set(api, (this.calls.get(api) ?? 0) + 1);
    if (api === 'ssm:SendCommand') this.#addCommand(input, at);
    if (!writes.has(api)) return;
    const text = JSON.stringify(input);
    if (!this.#refusing.some((names) => names.test(text))) return;
    const code = api.startsWith('ec2:') ? 'InternalError' : 'InternalServerError';
    throw new AwsError(code, 'An internal error has occurred', 500);
  }

  #addCommand(input: unknown, at: number): void {
    const command = v.safeParse(sendCommand, input);
    if (!command.success || !isPush(command.output.DocumentName)) return;
    for (const id of command.output.InstanceIds) {
      const group = this.#fleet.hosts.get(id)?.group;
      if (group !== undefined) this.pushes.add(group);
    }
    this.last = { seconds: (at - this.#began) / 1000, cpuSeconds: this.#cpuSeconds() };
  }
}

/** Without it the first answers come late, while Node.js compiles this process's own code. */
function warmUp(ec2: FakeService): void {
  const operation = 'DescribeInstances';
  for (let turn = 0; turn < 5; turn += 1)
    writeResult(ec2.protocol, operation, ec2.operations[operation]?.({}), 'warm-up');
}

function sorted(calls: ReadonlyMap<string, number>): Readonly<Record<string, number>> {
  return Object.fromEntries([...calls].sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** CPU seconds of all other processes since the machine started. Source: /proc/stat, in hundredths. */
function otherCpuSeconds(): number {
  const fields = /^cpu +(.*)$/mu.exec(readFileSync('/proc/stat', 'utf8'))?.[1]?.split(' ').map(Number) ?? [];
  const all = [0, 1, 2, 5, 6].reduce((sum, index) => sum + (fields[index] ?? 0), 0) / 100;
  const { user, system } = process.cpuUsage();
  return all - (user + system) / 1e6;
}
