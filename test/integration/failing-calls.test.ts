import fc from 'fast-check';
import type { ScenarioFaults } from 'local-cloud';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { must, startGroup, type TestGroup, uploads } from './group.ts';

// Any call of the service may fail with any error that its API model has, before it was carried out or after, or get no answer. Once that is over
// the group is whole again by itself, with one primary and every file; and what goes on failing, a person hears of.

let group: TestGroup;
beforeAll(async () => {
  group = await startGroup({ secondaries: 2, timeScale: 20 });
});
afterAll(() => group?.close());

interface Incident {
  /** Picks one of the calls, and one of its errors. */
  readonly call: number;
  readonly error: number;
  readonly kind: 'fails' | 'fails after its effect' | 'loses its answer' | 'loses its connection';
  readonly times: number;
}

const incident: fc.Arbitrary<Incident> = fc.record({
  call: fc.nat(),
  error: fc.nat(),
  kind: fc.constantFrom(
    'fails',
    'fails',
    'fails after its effect',
    'loses its answer',
    'loses its connection',
  ),
  times: fc.integer({ min: 1, max: 4 }),
});

function pick<Item>(items: readonly Item[], number: number): Item {
  const item = items[number % items.length];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}

/** The calls that functions have made: the others cannot fail. */
function callsMade(): readonly string[] {
  const made = group.cloud
    .calls(({ caller }) => caller !== 'operator')
    .map(({ service, operation }) => `${service}:${operation}`);
  return [...new Set(made)].sort();
}

function arm(faults: ScenarioFaults, { call, error, kind, times }: Incident) {
  const name = pick(callsMade(), call);
  if (kind === 'loses its answer')
    return { what: `${name} ${kind}`, handle: faults.loseResponse(name, times) };
  if (kind === 'loses its connection')
    return { what: `${name} ${kind}`, handle: faults.resetConnection(name, times) };
  const carriedOut = kind === 'fails after its effect';
  const codes = faults.errorsOf(name);
  const code = pick(carriedOut ? codes.filter((each) => /^Internal/u.test(each)) : codes, error);
  const what = `${name} ${kind}: ${code}, ${times} times`;
  return { what, handle: faults.failCall(name, code, { times, carriedOut }) };
}

const isWhole = async () =>
  group.secondaries.every(({ tags }) => tags['hostsync:state'] === 'in-sync') &&
  (await group.notes(group.primary))['group-incident'] === undefined;

async function tickUntilWhole(): Promise<void> {
  for (let tick = 0; tick < 8; tick += 1) {
    await group.tick();
    if (await isWhole()) return;
  }
  const tags = [group.primary, ...group.secondaries].map((each) => JSON.stringify(each.tags));
  throw new Error(`not whole: ${tags.join('\n')}\n${JSON.stringify(group.lastLog())}`);
}

const seed = Date.now() % 1_000_000;

it.each(
  fc.sample(fc.array(incident, { minLength: 1, maxLength: 4 }), { seed, numRuns: 14 }).map((each) => [each]),
)(`whatever calls fail, the group is whole afterwards (seed ${seed}, case %#)`, async (incidents) => {
  const armed = incidents.map((each) => arm(group.cloud.faults, each));
  const what = armed.map((each) => each.what).join('; ');
  const name = `${uploads}/file-${group.cloud.invocations().length}`;
  await must(group.primary, `echo content >${name}; chown www-data: ${name}`);
  await group.tick();
  await group.tick();
  for (const { handle } of armed) handle.remove();
  await tickUntilWhole().catch((error: Error) => {
    throw new Error(`${what}: ${error.message}`, { cause: error });
  });
  for (const secondary of group.secondaries) expect(await group.differences(secondary), what).toEqual([]);
  const primaries = [group.primary, ...group.secondaries].filter(({ tags }) => tags['hostsync:primary']);
  expect(
    primaries.map(({ id }) => id),
    what,
  ).toEqual([group.primary.id]);
});

it.each([
  ['ec2:DescribeInstances', 'UnauthorizedOperation'],
  ['ssm:SendCommand', 'AccessDeniedException'],
  ['dynamodb:BatchGetItem', 'InternalServerError'],
  ['ec2:DescribeInstances', 'InternalError'],
])('%s that goes on failing with %s rings an alarm', async (call, code) => {
  const fault = group.cloud.faults.failCall(call, code, { times: Number.POSITIVE_INFINITY });
  await group.ticks(3);
  const errors = group.cloud
    .invocations({ function: 'SyncLambdaFunction' })
    .slice(-3)
    .filter(({ outcome }) => outcome?.kind === 'error');
  expect(errors.length).toBe(3);
  fault.remove();
  await tickUntilWhole();
});
