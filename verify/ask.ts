import { DeleteLifecycleHookCommand } from '@aws-sdk/client-auto-scaling';
import { CreateTagsCommand } from '@aws-sdk/client-ec2';
import { TestEventPatternCommand } from '@aws-sdk/client-eventbridge';
import { SendCommandCommand } from '@aws-sdk/client-ssm';
import { codeOf, pause } from './connection.ts';
import { commandOnHost, invocationOf, runOnHost, sendLines } from './hosts.ts';
import { fidelityQuestions, otherQuestions, type Question, whereOf } from './questions.ts';
import { askQueue } from './queue-questions.ts';
import type { Answer } from './report.ts';
import { addedTo, cancelAll } from './run-command-measures.ts';
import { type Scene, secondaryOf } from './scene.ts';

const unknownInstance = 'i-00000000000000000';
const tags = (Key: string) => [{ Key, Value: 'x' }];

/** Code and words of what is to fail; `accepted` where it does not. */
async function refusalOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'accepted';
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : 'unknown';
  }
}

async function tryPattern({ clients }: Scene, pattern: unknown): Promise<string> {
  const event = {
    id: '1',
    'detail-type': 'state',
    source: 'hostsync.verify',
    account: '111122223333',
    time: '2026-01-01T00:00:00Z',
    region: 'us-east-1',
    resources: [],
    detail: { state: 'running', name: 'a-b-c' },
  };
  try {
    const { Result } = await clients.events.send(
      new TestEventPatternCommand({ EventPattern: JSON.stringify(pattern), Event: JSON.stringify(event) }),
    );
    return Result === true ? 'accepted, and matches' : 'accepted, and does not match';
  } catch (error) {
    return `refused: ${codeOf(error)}`;
  }
}

async function manyCommands(scene: Scene): Promise<ReadonlyMap<string, string>> {
  const { clients, signal } = scene;
  const { id } = await secondaryOf(scene);
  const ids: string[] = [];
  for (let number = 0; number < 12; number += 1) ids.push(await sendLines(clients.ssm, id, ['sleep 30']));
  const statuses = async () => {
    const seen = await Promise.all(ids.map((command) => invocationOf(clients.ssm, command, id)));
    const details = seen.map((each) => each?.StatusDetails ?? 'unknown to SSM');
    return [...new Set(details)]
      .map((status) => `${details.filter((each) => each === status).length} ${status}`)
      .join(', ');
  };
  await pause(8, signal);
  const before = await statuses();
  await cancelAll(scene, ids);
  await pause(8, signal);
  return new Map([
    ['delayed', before],
    ['cancelled', await statuses()],
  ]);
}

type Ask = (scene: Scene) => Promise<string>;

/** By the question's id. Each leaves the group as it was. */
const asks: Readonly<Record<string, Ask>> = {
  stderr: async (scene) => {
    const { id } = await secondaryOf(scene);
    const lines = ["head -c 20000 /dev/zero | tr '\\0' e >&2"];
    const { StandardErrorContent = '' } = await commandOnHost(id, lines, {
      ssm: scene.clients.ssm,
      signal: scene.signal,
    });
    return `${StandardErrorContent.length} characters; added to them: ${addedTo(StandardErrorContent, 'e')}`;
  },
  'unknown-command': async ({ clients, ...scene }) => {
    const { id } = await secondaryOf({ clients, ...scene });
    const none = '00000000-0000-4000-8000-000000000000';
    const seen = invocationOf(clients.ssm, none, id);
    return seen.then((found) => (found === undefined ? 'InvocationDoesNotExist' : 'found'), codeOf);
  },
  'or-beside': (scene) =>
    tryPattern(scene, {
      detail: { state: ['stopped'], $or: [{ state: ['running'] }, { name: ['x'] }] },
    }),
  'or-single': (scene) => tryPattern(scene, { detail: { $or: [{ state: ['running'] }] } }),
  wildcards: (scene) =>
    tryPattern(scene, {
      detail: { name: Array.from({ length: 10 }, (_, n) => ({ wildcard: `*a*${n}` })) },
    }),
  'anything-but': (scene) => tryPattern(scene, { detail: { name: [{ 'anything-but': { prefix: [] } }] } }),
  'long-key': async (scene) => {
    const { id } = await secondaryOf(scene);
    const Tags = tags('k'.repeat(129));
    return refusalOf(scene.clients.ec2.send(new CreateTagsCommand({ Resources: [id], Tags })));
  },
  'many-resources': ({ clients }) => {
    const Resources = Array.from({ length: 1001 }, () => unknownInstance);
    return refusalOf(clients.ec2.send(new CreateTagsCommand({ Resources, Tags: tags('verify') })));
  },
  'no-hook': ({ clients, scalingGroup }) =>
    refusalOf(
      clients.autoScaling.send(
        new DeleteLifecycleHookCommand({
          AutoScalingGroupName: scalingGroup,
          LifecycleHookName: 'verify-no-such-hook',
        }),
      ),
    ),
  'one-bad-id': async (scene) => {
    const { id } = await secondaryOf(scene);
    const command = new SendCommandCommand({
      DocumentName: 'AWS-RunShellScript',
      InstanceIds: [id, unknownInstance],
      Parameters: { commands: ['true'] },
    });
    return scene.clients.ssm.send(command).then(
      ({ Command }) => `accepted for ${Command?.TargetCount ?? 0} of 2`,
      (error: unknown) => `refused for both: ${codeOf(error)}`,
    );
  },
  rrsync: async (scene) => {
    const { id } = await secondaryOf(scene);
    const lines = [
      'command -v rrsync || true',
      'rpm -q --qf "%{NAME} %{VERSION}\\n" rsync 2>/dev/null || true',
      'dnf -q list --available rsync-rrsync 2>/dev/null | tail -1 || true',
    ];
    const said = await runOnHost(id, lines, { ssm: scene.clients.ssm, signal: scene.signal });
    return said.trim() === '' ? 'no' : said.trim().replaceAll('\n', '; ');
  },
};

interface Together {
  readonly ids: readonly string[];
  readonly ask: (scene: Scene) => Promise<ReadonlyMap<string, string>>;
}

/** Those that one and the same set-up answers. */
const together: readonly Together[] = [
  { ids: ['delayed', 'cancelled'], ask: manyCommands },
  { ids: ['second-delete', 'replaced-handle', 'visibility', 'purge'], ask: askQueue },
];

/** Every open question, with its answer or with why it has none. */
export async function askAll(scene: Scene): Promise<readonly Answer[]> {
  const found = new Map<string, string | Error>();
  for (const { ids, ask } of together) {
    const answers = await attempt(scene, () => ask(scene));
    for (const id of ids) found.set(id, answers instanceof Error ? answers : (answers.get(id) ?? 'nothing'));
  }
  const answers: Answer[] = [];
  for (const each of [...fidelityQuestions, ...otherQuestions]) {
    const common = { question: each.question, where: whereOf(each) };
    if (each.notAsked !== undefined) answers.push({ ...common, reason: each.notAsked });
    else answers.push({ ...common, ...(await answerTo(scene, each, found)) });
  }
  return answers;
}

async function answerTo(
  scene: Scene,
  { id }: Question,
  found: ReadonlyMap<string, string | Error>,
): Promise<Pick<Answer, 'answer' | 'reason'>> {
  const ask = asks[id];
  const answer = found.get(id) ?? (ask === undefined ? undefined : await attempt(scene, () => ask(scene)));
  if (answer === undefined) return { reason: 'nobody has written how to ask' };
  return answer instanceof Error ? { reason: answer.message } : { answer };
}

/** One question that fails leaves the others theirs. */
async function attempt<Found>({ signal }: Scene, work: () => Promise<Found>): Promise<Found | Error> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** For the test that no question is without a way to ask it. */
export const askedIds: readonly string[] = [...Object.keys(asks), ...together.flatMap(({ ids }) => ids)];
