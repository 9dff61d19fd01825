import { setTimeout as sleep } from 'node:timers/promises';
import type { SSMClient } from '@aws-sdk/client-ssm';
import { probeComment } from '../aws/probes.ts';
import { connectionOf, observeCommands, sendToKnown } from '../aws/ssm.ts';
import type {
  MembershipObservation,
  ObservedCommand,
  ObservedInstance,
  ObservedReachability,
} from '../core/model/observation.ts';
import { epochOf } from '../core/model/primary.ts';
import { lacksRelease } from '../core/model/release.ts';
import { formatProbeRequest } from '../core/model/request.ts';
import { routeBetween } from '../core/model/route.ts';
import { tagKeys } from '../core/model/tag-keys.ts';
import { type AskedProbe, formatProbe, probeInterval } from '../core/succession/probe.ts';
import type { PromotionAction } from '../core/succession/promotion-action.ts';
import type { ActionReport } from './action-log.ts';
import type { Tools } from './tools.ts';

type ProbeAction = Extract<PromotionAction, { kind: 'probe' }>;

/** Milliseconds that candidates have to answer. */
const longestWait = 20_000;
/** Milliseconds that a better candidate may answer later than another one. */
const grace = 3_000;
const pause = 500;

/** Has others look at a primary. What they say is for a later look, which the ends of their commands ask for. */
export async function askProbers(
  tools: Tools,
  action: ProbeAction,
  observed: MembershipObservation,
  report: ActionReport,
): Promise<void> {
  const { instance } = action;
  const requestedAt = Date.now();
  const { commands, by } = await send(tools, action, observed);
  report.commands.push(...commands);
  const probe = formatProbe({ instance, commands, by, requestedAt });
  await tools.marks.write([instance], { [tagKeys.probe]: probe });
}

/** What others have said so far of a primary that they were asked to look at, and what SSM's channel to its agent shows. */
export async function observeProbe(ssm: SSMClient, asked: AskedProbe): Promise<ObservedReachability> {
  const { instance, commands, by, requestedAt } = asked;
  const [connection, answers] = await Promise.all([
    connectionOf(ssm, instance),
    observeCommands(
      ssm,
      commands.map((command) => ({ command, instance: undefined })),
    ),
  ]);
  const probes = probesOf(answers);
  const answered = probes.map((each) => each.by);
  const ended = answers.filter(({ status }) => status !== 'under-way').length >= by.length;
  const lacking = answers.filter(lacksRelease).map((each) => each.instance);
  const withoutRelease = lacking.length > 0 && { withoutRelease: lacking };
  return { instance, requestedAt, ended, connection, asked: by, answered, probes, ...withoutRelease };
}

/** Finds out which of these hosts live: those that answer. The best one is waited for a moment longer. */
export async function askCandidates(
  tools: Tools,
  action: ProbeAction,
  observed: MembershipObservation,
  report: ActionReport,
): Promise<ObservedReachability> {
  const { ssm } = tools.clients;
  const { instance, by: asked } = action;
  const requestedAt = Date.now();
  const { commands, by } = await send(tools, action, observed);
  report.commands.push(...commands);
  let first: number | undefined;
  for (;;) {
    await sleep(pause);
    const answers = await observeCommands(
      ssm,
      commands.map((command) => ({ command, instance: undefined })),
    );
    // Who lacks the release has answered all the same
    const lacking = answers.filter(lacksRelease).map((each) => each.instance);
    const answered = [...probesOf(answers).map((each) => each.by), ...lacking];
    const ended = answers.filter(({ status }) => status !== 'under-way').length >= by.length;
    const now = Date.now();
    if (answered.length > 0) first ??= now;
    const enough = answered.some((each) => each === asked[0]) || (first !== undefined && now - first > grace);
    if (ended || enough || now - requestedAt > longestWait)
      return { instance, requestedAt, ended: true, connection: undefined, asked, answered, probes: [] };
  }
}

async function send(
  { clients: { ssm }, documents }: Tools,
  action: ProbeAction,
  { instances }: MembershipObservation,
): Promise<Pick<AskedProbe, 'commands' | 'by'>> {
  const comment = probeComment(action.group, action.where);
  const requests = [...requestsOf(action, instances)];
  const sending = requests.map(([text, probers]) =>
    sendToKnown(ssm, documents.probe, probers, text, comment),
  );
  const sent = (await Promise.all(sending)).flat();
  return { commands: sent.map(({ command }) => command), by: requests.flatMap(([, probers]) => probers) };
}

function probesOf(answers: readonly ObservedCommand[]): ObservedReachability['probes'] {
  return answers.flatMap(({ instance: by, lines }) => {
    const line = lines.find((each) => each.kind === 'probe');
    return line?.kind === 'probe' ? [{ by, reached: line.reached, message: line.message }] : [];
  });
}

/** What the probers are asked, with those who are: some look by IPv4 and others by IPv6. Who has no way there is not asked. */
function requestsOf(
  { group, instance, where, by }: ProbeAction,
  instances: readonly ObservedInstance[],
): ReadonlyMap<string, readonly string[]> {
  const byId = new Map(instances.map((each) => [each.id, each]));
  const primary = byId.get(instance);
  const epoch = (primary && epochOf(primary)) ?? 1;
  const requests = new Map<string, readonly string[]>();
  for (const id of by) {
    const prober = byId.get(id);
    const target = where === 'itself' ? prober : primary;
    const route = prober && target && routeBetween(prober, target);
    if (route?.kind !== 'route') continue;
    const { port } = route;
    const address = where === 'itself' ? loopback(route.address) : route.address;
    const interval = where === 'itself' ? undefined : probeInterval;
    const request = formatProbeRequest({ group, epoch, target: { id: instance, address, port }, interval });
    requests.set(request, [...(requests.get(request) ?? []), id]);
  }
  return requests;
}

/** Where a host reaches itself: only its answer is wanted. */
function loopback(address: string): string {
  return address.includes(':') ? '::1' : '127.0.0.1';
}
