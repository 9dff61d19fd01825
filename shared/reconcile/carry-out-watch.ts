import { sendPush } from '../aws/pushes.ts';
import { sendScript } from '../aws/ssm.ts';
import type { Observation } from '../core/model/observation.ts';
import { formatPushRequest, planned } from '../core/model/request.ts';
import { planPush } from '../core/push/plan-push.ts';
import type { WatchAction } from '../core/push/plan-watch.ts';
import type { Tools } from './tools.ts';

/** Has a watch go on, or end. May be carried out twice without harm. */
export async function carryOutWatch(
  group: string,
  action: WatchAction,
  observed: Observation,
  tools: Tools,
): Promise<void> {
  switch (action.kind) {
    case 'push-again':
      return pushAgain(group, observed, tools);
    case 'end-watch': {
      const text = formatPushRequest(action.request);
      // Not the comment of a push: it looks at nothing, so what it says is no result
      const comment = `hostsync end of the watch, group ${group}`;
      await sendScript(tools.clients.ssm, tools.documents.push, [action.primary], text, comment);
      return;
    }
  }
}

/** The push of a tick, now: the next tick would be up to a minute later. */
export async function pushAgain(
  group: string,
  observed: Observation,
  { clients, documents, settings }: Tools,
): Promise<void> {
  for (const action of planPush(observed)) {
    if (action.kind !== 'push' || action.group !== group) continue;
    const { primary, request } = action;
    const times = { tick: Date.now(), tickSeconds: settings.tickSeconds };
    await sendPush(clients.ssm, documents.push, primary, planned(request, primary, times));
  }
}
