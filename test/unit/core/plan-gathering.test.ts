import { describe, expect, it } from 'vitest';
import type { MembershipAction } from '../../../shared/core/membership/membership-action.ts';
import { planMembership } from '../../../shared/core/membership/plan-membership.ts';
import { joinDigest } from '../../../shared/core/membership/plan-newcomer.ts';
import { formatIncident } from '../../../shared/core/model/incident.ts';
import type { ObservedCommand } from '../../../shared/core/model/observation.ts';
import type { RescueLine, ScriptLine } from '../../../shared/core/model/script-line.ts';
import { formatTask, type TaskStep } from '../../../shared/core/model/task.ts';
import { hostKey, instance, instanceId, primaryTags, promotionSettings, publicKey } from './fixtures.ts';

// A former primary, and secondaries of an earlier epoch, step by step. What they alone hold exists nowhere else.

const now = Date.parse('2026-11-22T10:00:00.000Z');
const [primary, former] = [instanceId(1), instanceId(2)];
const command = '01234567-89ab-cdef-0123-456789abcdef';
const directories = ['/srv/uploads'];
const readable = joinDigest(primary, {
  group: 'web',
  epoch: 2,
  holder: primary,
  directories,
  owner: undefined,
  publicKey,
  readable: 'directories',
});

interface Case {
  /** Of the former primary; it is joined to be read, and its list is made, unless that says otherwise. */
  readonly tags?: Readonly<Record<string, string | undefined>>;
  readonly task?: readonly [step: TaskStep, secondsAgo: number];
  /** Of that task. */
  readonly digest?: string;
  readonly lines?: readonly ScriptLine[];
  readonly status?: ObservedCommand['status'];
  readonly offline?: boolean;
  readonly ipv6?: boolean;
  readonly rescueQuiet?: number;
}

function plan(each: Case): readonly MembershipAction[] {
  const { task, lines = [], status = 'succeeded' } = each;
  const entries = Object.entries({
    'hostsync:group': 'web',
    'hostsync:state': 'quarantined',
    'hostsync:left': '2',
    'hostsync:host-key': hostKey,
    'hostsync:joined': readable,
    'hostsync:task':
      task === undefined
        ? undefined
        : formatTask({
            step: task[0],
            pass: 1,
            digest: each.digest ?? '-',
            command,
            requestedAt: now - task[1] * 1000,
          }),
    ...each.tags,
  }).flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]));
  const { address: _, ...without } = instance(2, Object.fromEntries(entries));
  const host =
    each.ipv6 === true
      ? { ...without, address: undefined, ipv6Address: 'fd00::2' }
      : instance(2, Object.fromEntries(entries));
  const tags = {
    ...primaryTags,
    'hostsync:primary': '2',
    'hostsync:promoted': `2 ${primary}`,
    'hostsync:secondaries': '',
  };
  const ran = task?.[0] === 'leave' || task?.[0] === 'relist' || task?.[0] === 'join' ? former : primary;
  const observed = {
    instances: [instance(1, tags), host],
    agents: [
      { id: primary, online: true, address: '10.0.0.1' },
      { id: former, online: each.offline !== true, address: '10.0.0.2' },
    ],
    lifecycles: new Map(),
    commands: task === undefined ? [] : [{ command, instance: ran, status, detail: 'Failed', lines }],
  };
  const settings = { ...promotionSettings, rescueQuiet: each.rescueQuiet ?? 0 };
  return planMembership(observed, settings, now).filter((action) => action.kind !== 'set-list');
}

const rescued = (line: Partial<RescueLine> = {}): RescueLine => {
  return { kind: 'rescue', id: former, ok: true, files: 3, conflicts: 1, ...line };
};
const listed = (line: Partial<Extract<ScriptLine, { kind: 'leave' }>> = {}): ScriptLine => {
  return { kind: 'leave', prepared: false, epoch: 2, stranded: 4, ...line };
};
const wait = (soon: boolean, reason: string) => ({ kind: 'wait', instance: former, soon, reason });
const failure = (message: string) => ({
  kind: 'report-failure',
  instance: former,
  rescuedBy: primary,
  message,
});
const rescue = (reason: string) => ({
  kind: 'rescue',
  primary,
  reason,
  request: { lists: true, directories, sources: [{ id: former, address: '10.0.0.2', port: 22, hostKey }] },
});
const list = (kind: 'leave' | 'relist', reason: string) => ({
  kind,
  instance: former,
  reason,
  request: { peer: primary, prepare: false, epoch: 2, directories },
});

describe('a former primary', () => {
  it.each<[string, Case, readonly object[]]>([
    ['is not reached', { offline: true }, [wait(false, `the SSM agent of ${former} is not online`)]],
    [
      'makes no list yet',
      { tags: { 'hostsync:left': undefined } },
      [list('leave', `${former} was the primary: it is to push no more`)],
    ],
    [
      'made its list for an earlier primary',
      { tags: { 'hostsync:left': '1' } },
      [list('leave', `${former} was the primary: it is to push no more`)],
    ],
    [
      'is making its list',
      { tags: { 'hostsync:left': undefined }, task: ['leave', 3], status: 'under-way' },
      [wait(true, 'leave runs since 3 s')],
    ],
    [
      'cannot make its list',
      { tags: { 'hostsync:left': undefined }, task: ['leave', 3], status: 'failed' },
      [failure(`leave failed on ${former} (Failed)`), wait(false, `leave failed on ${former} (Failed)`)],
    ],
    [
      'has made its list',
      { tags: { 'hostsync:left': undefined }, task: ['leave', 3], lines: [listed()] },
      [
        {
          kind: 'record-left',
          instance: former,
          epoch: 2,
          reason: `${former} pushes no more; 4 files may be on it alone`,
        },
      ],
    ],
    [
      'keeps what nobody can fetch: an event says where',
      {
        tags: { 'hostsync:left': undefined },
        task: ['leave', 3],
        lines: [listed({ kept: 2, keptIn: '/kept', tooLong: 1 })],
      },
      [
        {
          kind: 'notify-kept',
          instance: former,
          epoch: 2,
          primary,
          files: 2,
          keptIn: '/kept',
          tooLong: 1,
          requestedAt: now - 3000,
        },
        { kind: 'record-left' },
      ],
    ],
    [
      'keeps more at its last list: an event on that too, and none again on paths that are too long',
      { task: ['relist', 3], lines: [listed({ new: 0, kept: 1, keptIn: '/kept', tooLong: 1 })] },
      [{ kind: 'notify-kept', files: 1, tooLong: 0 }, { kind: 'record-gathered' }],
    ],
    [
      'has made a list for another epoch, just now',
      { tags: { 'hostsync:left': undefined }, task: ['leave', 14], lines: [listed({ epoch: 1 })] },
      [wait(false, `${former} did not say what it holds`)],
    ],
    [
      'has made a list for another epoch, a while ago',
      { tags: { 'hostsync:left': undefined }, task: ['leave', 15], lines: [listed({ epoch: 1 })] },
      [list('leave', `${former} did not say what it holds`)],
    ],
    ['has a list', {}, [rescue(`${primary} is to have what only ${former} holds`)]],
    [
      'has a list, and no address that the primary reaches',
      { ipv6: true },
      [failure(expect.stringContaining('address') as unknown as string), { kind: 'wait', soon: false }],
    ],
    [
      'is being rescued',
      { task: ['rescue', 3], status: 'under-way' },
      [wait(true, `${former}: rescue runs since 3 s`)],
    ],
    [
      'cannot be rescued: the command failed',
      { task: ['rescue', 3], status: 'failed' },
      [
        failure(`rescue failed on ${primary} (Failed)`),
        wait(false, `${former}: rescue failed on ${primary} (Failed)`),
      ],
    ],
    [
      'cannot be rescued: the source failed, just now',
      { task: ['rescue', 14], lines: [rescued({ ok: false, error: 'disk-full', message: 'no space' })] },
      [failure('disk-full: no space'), wait(false, `${former}: disk-full: no space`)],
    ],
    [
      'cannot be rescued: the source failed, a while ago',
      { task: ['rescue', 15], lines: [rescued({ ok: false, error: 'disk-full', message: 'no space' })] },
      [failure('disk-full: no space'), rescue('disk-full: no space')],
    ],
    [
      'cannot be rescued: another run holds it, which is nobody’s failure',
      { task: ['rescue', 4], lines: [rescued({ ok: false, error: 'busy', message: 'a push runs' })] },
      [wait(true, `${former}: a push runs`)],
    ],
    [
      'cannot be rescued: another run held it',
      { task: ['rescue', 5], lines: [rescued({ ok: false, error: 'busy' })] },
      [rescue('busy')],
    ],
    [
      'cannot be rescued: the epoch is over, which is nobody’s failure',
      { task: ['rescue', 3], lines: [rescued({ ok: false, error: 'older-epoch', message: 'it follows 3' })] },
      [wait(false, `${former}: older-epoch: it follows 3`)],
    ],
    [
      'is not in the answer, which is about another host',
      { task: ['rescue', 15], lines: [rescued({ id: 'i-9' })] },
      [failure(`${primary} said nothing about ${former}`), rescue(`${primary} said nothing about ${former}`)],
    ],
    [
      'was rescued: it lists again',
      { task: ['rescue', 3], lines: [rescued()] },
      [
        {
          kind: 'notify-rescued',
          instance: former,
          epoch: 2,
          primary,
          requestedAt: now - 3000,
          reason: `3 files were on ${former} alone, and 1 were other than on the primary: it has them all`,
        },
        list('relist', `${former} was rescued: has anything come since?`),
      ],
    ],
    [
      'had nothing: no event',
      { task: ['rescue', 3], lines: [rescued({ files: 0, conflicts: 0 })] },
      [list('relist', `${former} was rescued: has anything come since?`)],
    ],
    [
      'had only conflicts: an event says so',
      { task: ['rescue', 3], lines: [rescued({ files: undefined, conflicts: 2 })] },
      [{ kind: 'notify-rescued' }, { kind: 'relist' }],
    ],
    [
      'had only paths that are too long: an event says so, for they end with the host',
      { task: ['rescue', 3], lines: [rescued({ files: 0, conflicts: 0, tooLong: 1 })] },
      [{ kind: 'notify-rescued' }, { kind: 'relist' }],
    ],
    [
      'was rescued, and the cached names are not over yet',
      { task: ['rescue', 59], lines: [rescued()], rescueQuiet: 60 },
      [wait(false, `${former} lists again 60 s after its rescue began`)],
    ],
    [
      'was rescued, and the cached names are over',
      { task: ['rescue', 60], lines: [rescued()], rescueQuiet: 60 },
      [{ kind: 'notify-rescued' }, { kind: 'relist' }],
    ],
    ['is listing again', { task: ['relist', 2], status: 'under-way' }, [wait(true, 'relist runs since 2 s')]],
    [
      'cannot list again',
      { task: ['relist', 15], status: 'failed' },
      [failure(`relist failed on ${former} (Failed)`), list('relist', `relist failed on ${former} (Failed)`)],
    ],
    [
      'has listed for another epoch',
      { task: ['relist', 14], lines: [listed({ epoch: 1, new: 0 })] },
      [wait(false, `${former} did not say what it holds`)],
    ],
    [
      'has listed for another epoch, a while ago',
      { task: ['relist', 15], lines: [] },
      [list('relist', `${former} did not say what it holds`)],
    ],
    [
      'has something new: it is rescued again',
      { task: ['relist', 2], lines: [listed({ new: 1 })] },
      [rescue(`1 files came to ${former} after its last list`)],
    ],
    [
      'has nothing new: it is let go, and joins',
      { task: ['relist', 2], lines: [listed({ new: 0 })] },
      [
        {
          kind: 'record-gathered',
          instance: former,
          epoch: 2,
          primary,
          released: true,
          over: undefined,
          reason: `${former} holds nothing that ${primary} has not`,
        },
      ],
    ],
  ])('%s', (_name, each, expected) => {
    expect(plan(each)).toMatchObject(expected);
  });

  it('whose failure was told says that it is over; a failure of another kind is no part of it', () => {
    const since = now - 600_000;
    const incident = (code: string) => formatIncident({ code, since, notifications: 1 });
    const done: Case = { task: ['relist', 2], lines: [listed({ new: 0 })] };
    const overOf = (code: string) => plan({ ...done, tags: { 'hostsync:incident': incident(code) } })[0];
    expect(overOf('rescue-failed')).toMatchObject({ over: { code: 'rescue-failed', since } });
    expect(overOf('unreachable')).toMatchObject({ over: undefined });
  });

  it('that cannot join says that what only it holds is not rescued; a newcomer has nothing to rescue', () => {
    const failed: Case = {
      tags: { 'hostsync:joined': undefined },
      task: ['join', 15],
      digest: readable,
      status: 'failed',
    };
    expect(plan(failed)).toContainEqual(
      expect.objectContaining({ kind: 'report-failure', instance: former, unrescued: true }),
    );
    const newcomer = plan({ ...failed, tags: { ...failed.tags, 'hostsync:state': 'joining' } });
    expect(newcomer.filter(({ kind }) => kind === 'report-failure')).not.toContainEqual(
      expect.objectContaining({ unrescued: true }),
    );
  });

  it('that could not join, and people were told, says that it is over once it has joined: the end of its rescue would forget it', () => {
    const over = { code: 'join-failed', since: now - 600_000, notifications: 1 };
    const told = { 'hostsync:incident': formatIncident(over) };
    const recorded = { kind: 'record-join', instance: former, digest: readable, over };
    const line: ScriptLine = { kind: 'join', epoch: 2, hostKey };
    const joined = plan({
      tags: { ...told, 'hostsync:joined': undefined },
      task: ['join', 2],
      lines: [line],
      digest: readable,
    });
    expect(joined).toMatchObject([recorded]);
    // Interrupted after it was recorded, and before the note was taken away
    expect(plan({ tags: told })).toMatchObject([recorded]);
    const noted = formatIncident({ ...over, notifications: 0 });
    expect(plan({ tags: { 'hostsync:incident': noted } })).toMatchObject([{ kind: 'rescue' }]);
  });

  it('sends one event for one cause', () => {
    const failed: Case = {
      task: ['rescue', 14],
      lines: [rescued({ ok: false, error: 'disk-full', message: 'x' })],
    };
    const [notifications] = plan(failed);
    if (notifications?.kind !== 'report-failure') throw new Error('fixture');
    expect(notifications).toMatchObject({
      notice: 'raised',
      incident: { code: 'rescue-failed', notifications: 1 },
    });
    const again = plan({ ...failed, tags: { 'hostsync:incident': formatIncident(notifications.incident) } });
    expect(again).toMatchObject([wait(false, `${former}: disk-full: x`)]);
  });
});

describe('a secondary of an earlier epoch', () => {
  const behind = { 'hostsync:state': 'in-sync', 'hostsync:left': undefined, 'hostsync:gathered': '1' };

  it.each<[string, Case, readonly object[]]>([
    [
      'gives what only it has',
      { tags: behind },
      [
        {
          kind: 'gather',
          primary,
          reason: `${primary} is to have what only ${former} holds`,
          request: { lists: false },
        },
      ],
    ],
    [
      'cannot: the tick says so, and nobody else',
      { tags: behind, task: ['gather', 3], status: 'failed' },
      [wait(false, `${former}: gather failed on ${primary} (Failed)`)],
    ],
    [
      'has given it: it is pushed to from now on',
      { tags: behind, task: ['gather', 3], lines: [rescued()], rescueQuiet: 60 },
      [
        { kind: 'notify-rescued', reason: expect.stringContaining('3 files were on') },
        {
          kind: 'record-gathered',
          released: false,
          epoch: 2,
          reason: expect.stringContaining('3 files were on'),
        },
      ],
    ],
  ])('%s', (_name, each, expected) => {
    expect(plan(each)).toMatchObject(expected);
  });
});
