import { setTimeout as sleep } from 'node:timers/promises';
import type { Clients } from '../aws/clients.ts';
import { observeStatuses } from '../aws/ec2.ts';
import { readRecord, readTargets } from '../aws/pointers.ts';
import { readRegister } from '../aws/register.ts';
import { connectionOf, type Documents, observeCommands, sendToKnown } from '../aws/ssm.ts';
import type {
  MembershipObservation,
  ObservedReachability,
  PromotionObservation,
  Register,
} from '../core/observation.ts';
import { groupsInDoubt, type PromotionView } from '../core/plan-promotion.ts';
import { type ObservedPointers, pointerNames } from '../core/plan-upkeep.ts';
import { epochOf, findPrimary } from '../core/primary.ts';
import type { PromotionAction } from '../core/promotion-action.ts';
import { formatProbeRequest } from '../core/request.ts';
import { routeBetween } from '../core/route.ts';
import { tagKeys } from '../core/tag-keys.ts';
import type { Fail } from '../membership/observe.ts';

/**
 * What promotions are planned from besides: the status checks of all primaries in one call, and the register of those
 * groups alone whose primary is in doubt.
 */
export async function observePromotion(
  clients: Clients,
  observed: MembershipObservation,
  view: Omit<PromotionView, 'observed'>,
  reachability: readonly ObservedReachability[],
  fail: Fail,
): Promise<PromotionObservation> {
  const { instances } = observed;
  const tagged = instances.filter(({ tags }) => tags[tagKeys.group] !== undefined);
  const groups = Map.groupBy(tagged, ({ tags }) => tags[tagKeys.group] ?? '');
  const primaries = [...groups.values()].flatMap((members) => findPrimary(members).current ?? []);
  const statuses = await observeStatuses(
    clients.ec2,
    primaries.map(({ id }) => id),
  );
  const without = { ...observed, statuses, reachability, registers: new Map<string, Register>() };
  const inDoubt = groupsInDoubt({ ...view, observed: without });
  const registers = await Promise.all(
    inDoubt.map(async (group) => {
      try {
        return [[group, await readRegister(clients.ssm, group)] as const];
      } catch (error) {
        fail(group, 'reading its register', error);
        return [];
      }
    }),
  );
  return { ...without, registers: new Map(registers.flat()) };
}

/** What the names and target groups of primaries point at now: one call for each that the tags name. */
export async function observePointers(
  { route53, loadBalancing }: Clients,
  { instances }: MembershipObservation,
  hostedZone: string,
  fail: Fail,
): Promise<ObservedPointers> {
  const records = new Map<string, readonly string[]>();
  const targets = new Map<string, readonly string[]>();
  for (const { group, name, targetGroup } of pointerNames(instances)) {
    try {
      if (name !== undefined && hostedZone !== '')
        records.set(group, await readRecord(route53, hostedZone, name));
    } catch (error) {
      fail(group, `reading the record ${name}`, error);
    }
    try {
      if (targetGroup !== undefined) targets.set(group, await readTargets(loadBalancing, targetGroup));
    } catch (error) {
      fail(group, `reading the target group ${targetGroup}`, error);
    }
  }
  return { records, targets };
}

/** Milliseconds that secondaries have to answer whether they reach the primary; each tries twice for 5 s. */
const probeTimeout = 20_000;

/** Looks at a suspected primary: through the channel of SSM, and from secondaries. What cannot be asked is not counted. */
export async function lookCloser(
  { ssm }: Clients,
  documents: Documents,
  { group, instance, by }: Extract<PromotionAction, { kind: 'probe' }>,
  { instances }: MembershipObservation,
): Promise<ObservedReachability> {
  const primary = instances.find(({ id }) => id === instance);
  const connection = await connectionOf(ssm, instance);
  if (connection === 'connected' || primary === undefined) return { instance, connection, probes: [] };
  const epoch = epochOf(primary) ?? 1;
  // Some may look by IPv4 and others by IPv6
  const requests = Map.groupBy(by, (prober) => {
    const from = instances.find(({ id }) => id === prober);
    const route = from === undefined ? undefined : routeBetween(from, primary);
    if (route?.kind !== 'route') return '';
    const { address, port } = route;
    return formatProbeRequest({ group, epoch, target: { id: instance, address, port } });
  });
  requests.delete('');
  const comment = `hostsync probe, group ${group}`;
  const sending = [...requests].map(([text, probers]) =>
    sendToKnown(ssm, documents.probe, probers, text, comment),
  );
  const sent = (await Promise.all(sending)).flat();
  if (sent.length === 0) return { instance, connection, probes: [] };
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
