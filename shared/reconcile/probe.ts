import { setTimeout as sleep } from 'node:timers/promises';
import { connectionOf, observeCommands, sendToKnown } from '../aws/ssm.ts';
import type { MembershipObservation, ObservedInstance, ObservedReachability } from '../core/observation.ts';
import { epochOf } from '../core/primary.ts';
import type { PromotionAction } from '../core/promotion-action.ts';
import { formatProbeRequest } from '../core/request.ts';
import { routeBetween } from '../core/route.ts';
import type { ActionReport } from './action-log.ts';
import type { Tools } from './tools.ts';

/** Milliseconds that secondaries have to answer whether they reach the primary; each tries twice for 5 s. */
const probeTimeout = 20_000;
/** Milliseconds that a better candidate may answer later than another one. */
const grace = 3_000;
const pause = 500;

/** Looks at a primary through the channel of SSM, and from secondaries. What cannot be asked is not counted. */
export async function lookCloser(
  { clients: { ssm }, documents }: Tools,
  action: Extract<PromotionAction, { kind: 'probe' }>,
  { instances }: MembershipObservation,
  report: ActionReport,
): Promise<ObservedReachability> {
  const { group, instance, where, by } = action;
  const connection = where === 'itself' ? undefined : await connectionOf(ssm, instance);
  const seen = { instance, connection, asked: by, answered: [], probes: [] };
  if (connection === 'connected') return seen;
  const comment = `hostsync probe, group ${group}`;
  const sending = [...requestsOf(action, instances)].map(([text, probers]) =>
    sendToKnown(ssm, documents.probe, probers, text, comment),
  );
  const sent = (await Promise.all(sending)).flat();
  report.commands.push(...sent.map(({ command }) => command));
  if (sent.length === 0) return seen;
  const asked = sent.reduce((sum, { hosts }) => sum + hosts, 0);
  const commands = sent.map(({ command }) => ({ command, instance: undefined }));
  const began = Date.now();
  let first: number | undefined;
  for (;;) {
    await sleep(pause);
    const answers = await observeCommands(ssm, commands);
    const probes = answers.flatMap(({ instance: prober, lines }) => {
      const line = lines.find((each) => each.kind === 'probe');
      return line?.kind === 'probe' ? [{ by: prober, reached: line.reached, message: line.message }] : [];
    });
    const answered = probes.map((each) => each.by);
    const ended = answers.filter(({ status }) => status !== 'under-way').length;
    if (answered.length > 0) first ??= Date.now();
    const enough =
      where === 'itself'
        ? answered.some((each) => each === by[0]) || (first !== undefined && Date.now() - first > grace)
        : probes.some(({ reached }) => reached);
    if (ended >= asked || enough || Date.now() - began > probeTimeout)
      return { ...seen, answered, probes: where === 'itself' ? [] : probes };
  }
}

/** What the probers are asked, with those who are: some look by IPv4 and others by IPv6. Who has no way there is not asked. */
function requestsOf(
  { group, instance, where, by }: Extract<PromotionAction, { kind: 'probe' }>,
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
    const request = formatProbeRequest({ group, epoch, target: { id: instance, address, port } });
    requests.set(request, [...(requests.get(request) ?? []), id]);
  }
  return requests;
}

/** Where a host reaches itself: only its answer is wanted. */
function loopback(address: string): string {
  return address.includes(':') ? '::1' : '127.0.0.1';
}
