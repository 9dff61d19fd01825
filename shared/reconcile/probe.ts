import { setTimeout as sleep } from 'node:timers/promises';
import { connectionOf, observeCommands, sendToKnown } from '../aws/ssm.ts';
import type { MembershipObservation, ObservedReachability } from '../core/observation.ts';
import { epochOf } from '../core/primary.ts';
import type { PromotionAction } from '../core/promotion-action.ts';
import { formatProbeRequest } from '../core/request.ts';
import type { Tools } from './tools.ts';

/** Milliseconds that secondaries have to answer whether they reach the primary; each tries twice for 5 s. */
const probeTimeout = 20_000;

/** Looks at a suspected primary: through the channel of SSM, and from secondaries. What cannot be asked is not counted. */
export async function lookCloser(
  { clients: { ssm }, documents }: Tools,
  { group, instance, by }: Extract<PromotionAction, { kind: 'probe' }>,
  { instances }: MembershipObservation,
): Promise<ObservedReachability> {
  const primary = instances.find(({ id }) => id === instance);
  const connection = await connectionOf(ssm, instance);
  if (connection === 'connected' || primary?.address === undefined || by.length === 0)
    return { instance, connection, probes: [] };
  const target = { id: instance, address: primary.address };
  const text = formatProbeRequest({ group, epoch: epochOf(primary) ?? 1, target });
  const sent = await sendToKnown(ssm, documents.probe, by, text, `hostsync probe, group ${group}`);
  const asked = sent.reduce((sum, { hosts }) => sum + hosts, 0);
  const commands = sent.map(({ command }) => ({ command, instance: undefined }));
  const deadline = Date.now() + probeTimeout;
  for (;;) {
    await sleep(500);
    const answers = await observeCommands(ssm, commands);
    const probes = answers.flatMap(({ instance: prober, lines }) => {
      const line = lines.find((each) => each.kind === 'probe');
      return line?.kind === 'probe' ? [{ by: prober, reached: line.reached, message: line.message }] : [];
    });
    const ended = answers.filter(({ status }) => status !== 'under-way').length;
    if (ended === asked || probes.some(({ reached }) => reached) || Date.now() > deadline)
      return { instance, connection, probes };
  }
}
