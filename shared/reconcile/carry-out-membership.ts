import { completeHook, keepHookAlive, releaseInstance } from '../aws/auto-scaling.ts';
import { publishEvents } from '../aws/domain-events.ts';
import { errorsOf, hasCode, throwAll } from '../aws/errors.ts';
import { sendScript } from '../aws/ssm.ts';
import type { MembershipAction } from '../core/membership/membership-action.ts';
import { failureEvents, failureKey, overEvents } from '../core/membership/membership-events.ts';
import { domainEvent, timestamp } from '../core/model/domain-event.ts';
import { formatIncident } from '../core/model/incident.ts';
import {
  formatFence,
  formatJoinRequest,
  formatLeaveRequest,
  formatPushRequest,
  formatRescueRequest,
} from '../core/model/request.ts';
import { tagKeys } from '../core/model/tag-keys.ts';
import { formatTask, type TaskStep } from '../core/model/task.ts';
import type { ActionReport } from './action-log.ts';
import type { Tools } from './tools.ts';

/**
 * Carries one action out. Every one of them may be carried out twice without harm.
 *
 * @param report is given what the log is to say of it
 */
export async function carryOutMembership(
  action: MembershipAction,
  tools: Tools,
  report: ActionReport,
): Promise<void> {
  const { clients, documents, marks } = tools;
  switch (action.kind) {
    case 'join':
      return join(action, tools, report);
    case 'record-join': {
      const { instance, hostKey, epoch, digest, over } = action;
      await publishEvents(clients.eventBridge, overEvents('Join Failed', action, Date.now()));
      await marks.write([instance], {
        [tagKeys.hostKey]: hostKey,
        [tagKeys.epoch]: String(epoch),
        [tagKeys.joined]: digest,
      });
      const cleared = over?.code === 'join-failed' ? [tagKeys.incident] : [];
      return marks.remove(instance, [tagKeys.task, tagKeys.joinIncident, ...cleared]);
    }
    case 'first-sync': {
      const { group, primary, request, passes } = action;
      const text = formatPushRequest({ ...request, holder: primary });
      const command = await sendScript(
        clients.ssm,
        documents.push,
        [primary],
        text,
        `hostsync first sync, group ${group}`,
      );
      report.commands.push(command);
      for (const [pass, entries] of Map.groupBy(passes, ([, each]) => each))
        await marks.write(
          entries.map(([id]) => id),
          { [tagKeys.task]: task('first-sync', command, pass) },
        );
      return;
    }
    case 'leave':
    case 'relist': {
      const { kind, group, instance, request } = action;
      const text = formatLeaveRequest(request);
      const comment = `hostsync ${kind}, group ${group}`;
      const fence = formatFence(request);
      const command = await sendScript(clients.ssm, documents.leave, [instance], text, comment, { fence });
      report.commands.push(command);
      return marks.write([instance], { [tagKeys.task]: task(kind, command) });
    }
    case 'record-left':
      await marks.write([action.instance], { [tagKeys.left]: String(action.epoch) });
      return marks.remove(action.instance, [tagKeys.task]);
    case 'gather':
    case 'rescue': {
      const { kind, group, primary, request } = action;
      const text = formatRescueRequest({ ...request, holder: primary });
      const comment = `hostsync ${kind}, group ${group}`;
      const command = await sendScript(clients.ssm, documents.rescue, [primary], text, comment);
      report.commands.push(command);
      const sources = request.sources.map(({ id }) => id);
      return marks.write(sources, { [tagKeys.task]: task(kind, command) });
    }
    case 'notify-rescued': {
      const { group, instance, primary, epoch, line, requestedAt } = action;
      const { files = 0, conflicts = 0, examples = [] } = line;
      const rescued = domainEvent('Files Rescued', group, [instance, epoch, requestedAt], {
        primary,
        from: instance,
        files,
        conflicts,
        examples,
        list: line.list ?? '',
        keptIn: line.keptIn,
        tooLong: line.tooLong,
        tooLongExamples: line.tooLongExamples,
      });
      return publishEvents(clients.eventBridge, [rescued]);
    }
    case 'notify-kept': {
      const { group, instance, primary, epoch, requestedAt, files, keptIn, tooLong } = action;
      const kept = domainEvent('Files Kept', group, [instance, epoch, requestedAt], {
        primary,
        from: instance,
        files,
        keptIn,
        tooLong,
      });
      return publishEvents(clients.eventBridge, [kept]);
    }
    case 'record-gathered': {
      const { instance, epoch, released } = action;
      await publishEvents(clients.eventBridge, overEvents('Rescue Failed', action, Date.now()));
      await marks.write([instance], {
        [tagKeys.gathered]: String(epoch),
        ...(released && { [tagKeys.state]: 'joining' }),
      });
      const done = released ? [tagKeys.task, tagKeys.left, tagKeys.incident] : [tagKeys.task];
      return marks.remove(instance, done);
    }
    case 'admit': {
      const { group, instance } = action;
      const syncedAt = timestamp(action.syncedAt);
      const joined = domainEvent('Secondary Joined', group, [instance, syncedAt], {
        secondary: instance,
        syncedAt,
      });
      // IncidentDetail before it is recorded: better twice, with the same id, than never
      await publishEvents(clients.eventBridge, [joined, ...overEvents('Join Failed', action, Date.now())]);
      await marks.write([instance], {
        [tagKeys.state]: 'in-sync',
        [tagKeys.syncedAt]: syncedAt,
        [tagKeys.gathered]: String(action.epoch),
      });
      return marks.remove(instance, [tagKeys.task, tagKeys.incident]);
    }
    case 'report-failure':
      await publishEvents(clients.eventBridge, failureEvents(action));
      return marks.write([action.instance], { [failureKey(action)]: formatIncident(action.incident) });
    case 'set-list':
      await publishEvents(
        clients.eventBridge,
        action.left.map((secondary) =>
          domainEvent(
            'Secondary Left',
            action.group,
            [secondary, action.primary, JSON.stringify(action.set)],
            {
              secondary,
              primary: action.primary,
            },
          ),
        ),
      );
      await marks.write([action.primary], action.set);
      return marks.remove(action.primary, action.remove);
    case 'clear-state':
      return marks.remove(action.instance, action.keys);
    case 'complete-hook': {
      const { group, instance, result, failed, reason } = action;
      if (failed) {
        const since = timestamp(Date.now());
        const event = domainEvent('Join Failed', group, [instance, 'final'], {
          secondary: instance,
          message: reason,
          final: true,
          since,
          reminder: 0,
        });
        await publishEvents(clients.eventBridge, [event]);
      }
      if (!(await completeHook(clients.autoScaling, action, result))) report.refused = notHeld;
      return;
    }
    case 'keep-alive':
      if (!(await keepHookAlive(clients.autoScaling, action))) report.refused = notHeld;
      return;
    case 'release':
      await releaseInstance(clients.autoScaling, action.instance);
      return;
    case 'wait':
      return;
  }
}

/** A command that names one host which SSM does not know fails as a whole. Source: API model of SSM, SendCommand. */
const oneIsBad = new Set(['InvalidInstanceId']);

/** Of a hook that was completed already, is somebody else's, or whose time is over. */
const notHeld = 'the hook no longer holds it';

async function join(
  action: Extract<MembershipAction, { kind: 'join' }>,
  tools: Tools,
  report: ActionReport,
): Promise<void> {
  const { clients, documents, marks } = tools;
  const { group, instances, newcomers, request, digest } = action;
  const text = formatJoinRequest(request);
  try {
    const command = await sendScript(
      clients.ssm,
      documents.join,
      instances,
      text,
      `hostsync join, group ${group}`,
    );
    report.commands.push(command);
    // What one host has no room for keeps no other from what was asked of it
    const writing = [
      marks.write(newcomers, { [tagKeys.state]: 'joining' }),
      marks.write(instances, { [tagKeys.task]: task('join', command, 1, digest) }),
    ];
    throwAll(await errorsOf(writing));
  } catch (error) {
    if (instances.length === 1 || !hasCode(error, oneIsBad)) throw error;
    const alone = instances.map((id) =>
      join({ ...action, instances: [id], newcomers: newcomers.filter((each) => each === id) }, tools, report),
    );
    throwAll(await errorsOf(alone));
  }
}

function task(step: TaskStep, command: string, pass = 1, digest = '-'): string {
  return formatTask({ step, pass, digest, command, requestedAt: Date.now() });
}
