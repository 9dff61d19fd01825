import fc from 'fast-check';
import type { FaultHandle, LocalInstance } from 'local-cloud';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type FakeService, startFakeService } from './fake-service.ts';

// Any call of the service may fail with any error that its API model has, before or after it had its effect, or get no answer, while hosts
// join, fail and are pushed to. No error is swallowed: it leaves the function or is logged
// and counted, so that an alarm rings, unless it proves nothing. And once it is
// over every group is whole again, with one primary.

let service: FakeService;
let close: (() => Promise<void>) | undefined;
beforeAll(async () => {
  [service, close] = await startFakeService();
});
afterAll(() => close?.());

const calls = [
  'autoscaling:CompleteLifecycleAction',
  'autoscaling:DescribeAutoScalingInstances',
  'autoscaling:RecordLifecycleActionHeartbeat',
  'autoscaling:SetInstanceProtection',
  'dynamodb:BatchGetItem',
  'dynamodb:PutItem',
  'dynamodb:Query',
  'dynamodb:UpdateItem',
  'ec2:CreateTags',
  'ec2:DeleteTags',
  'ec2:DescribeInstances',
  'ec2:DescribeInstanceStatus',
  'events:PutEvents',
  'ssm:CancelCommand',
  'ssm:DescribeInstanceInformation',
  'ssm:GetCommandInvocation',
  'ssm:GetConnectionStatus',
  'ssm:ListCommandInvocations',
  'sqs:SendMessageBatch',
  'ssm:SendCommand',
] as const;

/** What proves nothing, or says that there is nothing left to do. */
const tolerated: Readonly<Partial<Record<(typeof calls)[number], readonly string[]>>> = {
  'autoscaling:CompleteLifecycleAction': ['ValidationError'],
  'autoscaling:RecordLifecycleActionHeartbeat': ['ValidationError'],
  'autoscaling:SetInstanceProtection': ['ValidationError'],
  // Of several instances one is bad: each is tagged alone
  'ec2:CreateTags': ['InvalidInstanceID.NotFound', 'TagLimitExceeded'],
  // Somebody else was faster: whoever comes second looks again
  'dynamodb:UpdateItem': ['ConditionalCheckFailedException'],
  'ec2:DescribeInstanceStatus': ['InvalidInstanceID.NotFound'],
  'ssm:CancelCommand': ['InvalidCommandId', 'InvalidInstanceId'],
  'ssm:GetCommandInvocation': ['InvocationDoesNotExist', 'InvalidCommandId', 'InvalidInstanceId'],
  'ssm:ListCommandInvocations': ['InvalidCommandId', 'InvalidInstanceId'],
  // Of several hosts one is bad: each is asked alone
  'ssm:SendCommand': ['InvalidInstanceId'],
};

interface Incident {
  readonly call: (typeof calls)[number];
  /** Picks one of its errors. */
  readonly error: number;
  readonly kind: 'fails' | 'fails after its effect' | 'loses its answer' | 'loses its connection';
  readonly times: number;
}

const incident: fc.Arbitrary<Incident> = fc.record({
  call: fc.constantFrom(...calls),
  error: fc.nat(),
  kind: fc.constantFrom(
    'fails',
    'fails',
    'fails after its effect',
    'loses its answer',
    'loses its connection',
  ),
  // All of three ticks make no more, unless they wait for something
  times: fc.constantFrom(1, 2, 5, 20),
});

interface Armed {
  readonly what: string;
  readonly handle: FaultHandle;
  /** What must be found in what leaves the functions; undefined: it may be swallowed. */
  readonly told: RegExp | undefined;
}

function arm({ call, error, kind, times }: Incident, index: number): Armed {
  const { faults } = service.cloud;
  // Whatever SSM says of a channel or not: the other signs decide
  const quiet = call === 'ssm:GetConnectionStatus';
  if (kind === 'loses its answer' || kind === 'loses its connection') {
    const lose = kind === 'loses its answer' ? faults.loseResponse : faults.resetConnection;
    const handle = lose.call(faults, call, times);
    return {
      what: `${call} ${kind}, ${times} times`,
      handle,
      told: quiet ? undefined : /ECONNRESET|hang up/u,
    };
  }
  const carriedOut = kind === 'fails after its effect';
  const codes = faults.errorsOf(call);
  const possible = carriedOut ? codes.filter((code) => /^Internal|^ServiceUnavailable$/u.test(code)) : codes;
  const code = possible[error % possible.length] ?? '';
  const message = `fault number ${index}`;
  const handle = faults.failCall(call, code, { message, times, carriedOut });
  const may = quiet || tolerated[call]?.includes(code) === true;
  return {
    what: `${call} ${kind}: ${code}, ${times} times`,
    handle,
    told: may ? undefined : new RegExp(message, 'u'),
  };
}

/** Everything that an error was made of. */
function* parts(error: unknown): Generator<unknown> {
  yield error;
  if (error instanceof AggregateError) for (const each of error.errors) yield* parts(each);
  if (error instanceof Error && error.cause !== undefined) yield* parts(error.cause);
}

/** A group of three hosts, which join by the first tick. */
async function startGroup(name: string): Promise<readonly LocalInstance[]> {
  const launch = (tags: Readonly<Record<string, string>>) =>
    service.cloud.launch({ tags: { 'hostsync:group': name, ...tags } });
  return Promise.all([
    launch({ 'hostsync:primary': '1', 'hostsync:directories': '/srv/uploads' }),
    ...[launch({}), launch({})],
  ]);
}

/** What keeps a group from being whole; undefined if it is. */
function lack(hosts: readonly LocalInstance[]): string | undefined {
  const primaries = hosts.filter(({ tags }) => tags['hostsync:primary'] !== undefined);
  const [primary] = primaries;
  if (primary === undefined || primaries.length > 1) return `${primaries.length} primaries`;
  const bad = hosts.filter(({ tags }) =>
    tags['hostsync:primary'] === undefined
      ? tags['hostsync:state'] !== 'in-sync' || tags['hostsync:incident'] !== undefined
      : tags['hostsync:group-incident'] !== undefined || tags['hostsync:promotion-incident'] !== undefined,
  );
  return bad.length === 0 ? undefined : bad.map(({ id, tags }) => `${id} ${JSON.stringify(tags)}`).join('\n');
}

async function tickUntil(what: string, isReached: () => string | undefined): Promise<void> {
  const errors: unknown[] = [];
  for (let tick = 0; tick < 10; tick += 1) {
    errors.push(...(await service.tick()));
    if (isReached() === undefined) return;
  }
  throw new Error(`not ${what}: ${isReached()}\n${errors.join('\n')}`);
}

// One fault a call: the first would hide the second
const incidentsOfCalls = fc.uniqueArray(incident, {
  minLength: 1,
  maxLength: 4,
  selector: ({ call }) => call,
});
// HOSTSYNC_FAULT_SEED and HOSTSYNC_FAULT_RUNS repeat a run, and make a longer one
const seed = Number(process.env['HOSTSYNC_FAULT_SEED'] ?? Date.now() % 1_000_000);
const runs = Number(process.env['HOSTSYNC_FAULT_RUNS'] ?? 2);
let groups = 0;

it.each(fc.sample(incidentsOfCalls, { seed, numRuns: runs }).map((each) => [each]))(
  `whatever calls fail, no error is swallowed, and every group is whole afterwards (seed ${seed}, case %#)`,
  async (incidents) => {
    const { cloud } = service;
    groups += 1;
    const scaling = cloud.createAutoScalingGroup({
      name: `scaled-${groups}`,
      tags: { 'hostsync:group': `joining-${groups}` },
      hooks: [{ name: 'hostsync-launch', transition: 'launching', heartbeatTimeout: 7200 }],
    });
    const failing = await startGroup(`failing-${groups}`);
    const joining = await startGroup(`joining-${groups}`);
    const newcomers = () => scaling.instances().map(({ instance }) => instance);
    const living = failing.slice(1);
    await tickUntil('joined', () => lack(failing) ?? lack(joining));

    const armed = incidents.map(arm);
    const what = armed.map((each) => each.what).join('; ');
    await Promise.all([scaling.scaleOut(1), failing[0]?.crash()]);
    const left: unknown[] = [];
    for (let tick = 0; tick < 3; tick += 1) left.push(...(await service.tick()));
    for (const { handle } of armed) handle.remove();
    const all = left.flatMap((error) => [...parts(error)]);
    const words = all.map(String).join('\n');
    const telling = armed.flatMap(({ handle, told }) =>
      handle.struck > 0 && told !== undefined ? [told] : [],
    );
    // What is asked at the same time fails with the first
    if (telling.length > 0)
      expect(
        telling.some((told) => told.test(words)),
        `${what}:\n${words}`,
      ).toBe(true);
    const broken = all.filter((part) =>
      /^(Type|Reference|Range|Syntax)Error$/u.test(part instanceof Error ? part.name : ''),
    );
    expect(broken, what).toEqual([]);

    await tickUntil(`whole after ${what}`, () => lack(living) ?? lack([...joining, ...newcomers()]));
    expect(
      scaling.instances().map(({ state }) => state),
      what,
    ).toEqual(['InService']);
    expect(cloud.takeProblems(), what).toEqual([]);
    await scaling.delete();
    await Promise.all([...failing, ...joining].map((each) => each.terminate()));
  },
);
