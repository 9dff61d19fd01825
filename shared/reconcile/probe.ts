import { setTimeout as sleep } from 'node:timers/promises';
import { connectionOf, observeCommands, sendToKnown } from '../aws/ssm.ts';
import type { MembershipObservation, ObservedReachability } from '../core/observation.ts';
import { epochOf } from '../core/primary.ts';
import type { PromotionAction } from '../core/promotion-action.ts';
import { formatProbeRequest } from '../core/request.ts';
import type { Tools } from './tools.ts';

/** Milliseconds that secondaries have to answer whether they reach the primary; each tries twice for 5 s. */
const probeTimeout = 20_000;
/** Milliseconds that a better candidate may answer later than another one. */
const grace = 3_000;
const pause = 500;
/** Where a host reaches itself: only its answer is wanted. */
const loopback = '127.0.0.1';

/** Looks at a primary through the channel of SSM, and from secondaries. What cannot be asked is not counted. */
export async function lookCloser(
  { clients: { ssm }, documents }: Tools,
  { group, instance, address, by }: Extract<PromotionAction, { kind: 'probe' }>,
  { instances }: MembershipObservation,
): Promise<ObservedReachability> {
  const primary = instances.find(({ id }) => id === instance);
  const connection = address === undefined ? undefined : await connectionOf(ssm, instance);
  const seen = { instance, connection, asked: by, answered: [], probes: [] };
  if (connection === 'connected' || by.length === 0) return seen;
  const target = { id: instance, address: address ?? loopback };
  const epoch = (primary && epochOf(primary)) ?? 1;
  const text = formatProbeRequest({ group, epoch, target });
  const sent = await sendToKnown(ssm, documents.probe, by, text, `hostsync probe, group ${group}`);
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
      address === undefined
        ? answered.some((each) => each === by[0]) || (first !== undefined && Date.now() - first > grace)
        : probes.some(({ reached }) => reached);
    if (ended >= asked || enough || Date.now() - began > probeTimeout)
      return { ...seen, answered, probes: address === undefined ? [] : probes };
  }
}
