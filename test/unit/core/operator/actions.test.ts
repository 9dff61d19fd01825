import { describe, expect, it } from 'vitest';
import {
  forcedPromotionBlocker,
  nextEpoch,
  resyncBlocker,
  switchoverBlocker,
  switchoverStage,
} from '../../../../shared/core/operator/action-blockers.ts';
import { conditionBlocker } from '../../../../shared/core/operator/conditions.ts';
import {
  acceptCommand,
  heldDeletions,
  heldWarnings,
  restoreCommand,
} from '../../../../shared/core/operator/held-deletions.ts';
import { planGroup } from '../../../../shared/core/operator/plan-group.ts';
import { describePush, summarizePush } from '../../../../shared/core/operator/summarize-push.ts';
import { agent, instance, instanceId } from '../fixtures.ts';
import { ago, changed, members, now, observation, push, view } from './fixtures.ts';

const [one, two, three] = [instanceId(1), instanceId(2), instanceId(3)];
const hostOf = (shown: ReturnType<typeof view>, id: string) => {
  const found = shown.hosts.find((each) => each.id === id);
  if (found === undefined) throw new Error(`fixture: ${id}`);
  return found;
};

describe('a switchover is refused with the reason, and what is possible', () => {
  it('not when all is well', () => {
    expect(switchoverBlocker(view(), two)).toBeUndefined();
    expect(switchoverBlocker(view(), undefined)).toBeUndefined();
  });

  it.each([
    ['to the primary', members(), one, 'is the primary already', 'Possible: web-2, web-3'],
    [
      'to one that is behind',
      changed(2, { 'hostsync:synced-at': ago(2000) }),
      two,
      '2000 s behind',
      'Possible: web-3',
    ],
    [
      'to one that may not',
      changed(2, { 'hostsync:promote': 'never' }),
      two,
      'says never',
      'Possible: web-3',
    ],
    ['while paused', changed(1, { 'hostsync:paused': 'x' }), two, 'is paused', 'hostsync resume web'],
    ['from a primary that is down', changed(1, {}, 'stopped'), two, 'cannot hand over', 'promote --force'],
    ['to nobody', members().slice(0, 1), undefined, 'No host may become', 'hostsync status'],
  ] as const)('%s', (_what, instances, target, reason, advice) => {
    const blocker = switchoverBlocker(view(instances), target);
    expect(blocker?.reason).toContain(reason);
    expect(blocker?.advice).toContain(advice);
  });

  it('says how far it has come, and does not take another host for the one that was asked for', () => {
    const command = '01234567-0123-0123-0123-0123456789ab';
    const at = (instances: ReturnType<typeof members>, isEstablished = true) =>
      switchoverStage(view(instances), one, two, isEstablished);
    expect(at(members())).toMatchObject({ kind: 'working', message: 'asked for' });
    const prepare = { 'hostsync:task': `prepare 1 - ${command} ${ago(3)}` };
    expect(at(changed(1, prepare))).toMatchObject({ message: `stopping writes on ${one}` });
    const promoted = changed(1, { 'hostsync:primary': undefined }).map((each) =>
      each.id === two ? { ...each, tags: { ...each.tags, 'hostsync:primary': '2' } } : each,
    );
    expect(at(promoted)).toMatchObject({ kind: 'done' });
    expect(at(promoted, false)).toMatchObject({ kind: 'working' });
    expect(switchoverStage(view(promoted), one, three, true)).toMatchObject({ kind: 'failed' });
  });
});

describe('other commands are refused where they would do harm', () => {
  const held = { id: 'a', count: 1, total: 2, reason: 'r', examples: [], since: null };

  it('only deletions that are held now are accepted', () => {
    expect(heldDeletions(view(), 'a', acceptCommand)).toHaveProperty('advice');
    expect(heldDeletions({ ...view(), held }, 'b', acceptCommand)).toHaveProperty('advice');
    expect(
      heldDeletions({ ...view(), held: { ...held, id: null } }, undefined, acceptCommand),
    ).toHaveProperty('advice');
    expect(heldDeletions({ ...view(), held }, 'a', acceptCommand)).toEqual(held);
    expect(heldDeletions({ ...view(), held }, undefined, acceptCommand)).toEqual(held);
  });

  it('a new epoch undoes deletions that are held, and the plan says so', () => {
    expect(heldWarnings(view())).toEqual([]);
    expect(heldWarnings({ ...view(), held })).toEqual([
      expect.stringContaining('first: hostsync accept-deletions web a'),
    ]);
    expect(heldWarnings({ ...view(), held: { ...held, id: null, count: null, total: null } })).toEqual([
      expect.stringMatching(/^Deletions are held\. .* first: hostsync push web$/u),
    ]);
  });

  it('an id that is stale is answered with the one that holds now, for the same command', () => {
    expect(heldDeletions({ ...view(), held }, 'b', restoreCommand)).toMatchObject({
      advice: expect.stringContaining('hostsync restore web --held a'),
    });
  });

  it('the primary does not join its own group', () => {
    expect(resyncBlocker(view(), hostOf(view(), one))?.reason).toContain('is the primary');
    expect(resyncBlocker(view(), hostOf(view(), two))).toBeUndefined();
    const quarantined = view(changed(2, { 'hostsync:state': 'quarantined' }));
    expect(resyncBlocker(quarantined, hostOf(quarantined, two))?.reason).toContain('rescued first');
  });

  it.each([
    ['the primary itself', members(), one, 'the primary already'],
    ['one that never had the files', changed(2, { 'hostsync:state': undefined }), two, 'not joined'],
    ['one that does not run', changed(2, {}, 'stopped'), two, 'stopped'],
  ] as const)('not even force makes a primary of %s', (_what, instances, id, reason) => {
    const shown = view(instances);
    const found = instances.find((each) => each.id === id) ?? instance(9, {});
    expect(forcedPromotionBlocker(shown, hostOf(shown, id), found)?.reason).toContain(reason);
  });

  it('force does where hostsync itself would not', () => {
    const late = changed(2, { 'hostsync:synced-at': ago(9999), 'hostsync:state': 'behind' });
    const shown = view(late);
    expect(hostOf(shown, two).promotionBlocker).not.toBeNull();
    expect(forcedPromotionBlocker(shown, hostOf(shown, two), late[1] ?? instance(9, {}))).toBeUndefined();
  });

  it('the next epoch is above every one that was claimed', () => {
    const claim = { epoch: 7, holder: one, kind: 'failover', why: '', at: 0 } as const;
    expect(nextEpoch(view(), { claims: [claim], configuration: undefined })).toBe(8);
    expect(nextEpoch(view(), undefined)).toBe(2);
  });
});

describe('what is waited for', () => {
  it('in sync means: with what the primary held when the waiting began', () => {
    expect(conditionBlocker({ kind: 'in-sync', since: now - 30_000 }, view())).toBeUndefined();
    expect(conditionBlocker({ kind: 'in-sync', since: now }, view())).toContain('0 of 2 in sync');
    expect(
      conditionBlocker({ kind: 'in-sync', since: 0 }, view(changed(1, { 'hostsync:paused': 'x' }))),
    ).toContain('paused');
    expect(conditionBlocker({ kind: 'in-sync', since: 0 }, view([]))).toContain('no primary');
  });

  it('joined and promoted', () => {
    expect(conditionBlocker({ kind: 'joined', host: two }, view())).toBeUndefined();
    expect(conditionBlocker({ kind: 'joined', host: instanceId(9) }, view())).toContain('not in the group');
    expect(
      conditionBlocker({ kind: 'joined', host: two }, view(changed(2, { 'hostsync:state': 'joining' }))),
    ).toContain('joining');
    expect(conditionBlocker({ kind: 'promoted', host: one }, view())).toBeUndefined();
    expect(conditionBlocker({ kind: 'promoted', host: two }, view())).toContain(one);
  });
});

describe('the result of a push', () => {
  const line = (id: string, more: object = {}) => ({
    ...({
      kind: 'secondary',
      id,
      ok: true,
      started: 0,
      files: 2,
      deleted: 1,
      bytes: 10,
      seconds: 1,
    } as const),
    ...more,
  });
  const end = { kind: 'push', ok: true, started: 0, seconds: 1.5 } as const;

  it('counts what arrived', () => {
    const summary = summarizePush(push([line(two), line(three), end]), [two, three]);
    expect(summary).toMatchObject({
      exitCode: 0,
      files: 4,
      deleted: 2,
      bytes: 20,
      ok: [two, three],
      failed: [],
    });
    expect(describePush(summary, 'web')[0]?.text).toContain('2 of 2 secondaries have everything in 1.5 s');
  });

  it('a secondary that the push says nothing about did not receive everything', () => {
    const summary = summarizePush(push([line(two), end]), [two, three]);
    expect(summary).toMatchObject({ exitCode: 1, failed: [{ id: three, error: 'unknown' }] });
  });

  it('a push that was killed is a failure, whatever it said before', () => {
    const killed = push([line(two)], { status: 'failed', detail: 'Failed', exitCode: undefined });
    expect(summarizePush(killed, [two])).toMatchObject({
      exitCode: 2,
      failure: expect.stringContaining('killed'),
    });
  });
});

describe('a new group', () => {
  const wanted = { group: 'shop', primary: one, others: [two], directories: ['/srv/uploads'] };
  const free = [1, 2].map((number) => instance(number, {}));
  const agents = [agent(1), agent(2)];

  it('is made by tags, the primary first', () => {
    expect(planGroup(wanted, free, agents)).toEqual({
      problems: [],
      warnings: [],
      tags: [
        {
          instances: [one],
          set: { 'hostsync:group': 'shop', 'hostsync:primary': '1', 'hostsync:directories': '/srv/uploads' },
        },
        { instances: [two], set: { 'hostsync:group': 'shop' } },
      ],
    });
  });

  it.each([
    ['a directory of the system', { directories: ['/etc'] }, free, '/etc'],
    ['no name', { group: 'a b' }, free, 'no name for a group'],
    ['a host twice', { others: [one] }, free, 'cannot be the primary and another host'],
    ['a host that is not there', { others: [three] }, free, 'EC2 has no instance'],
    ['a host of another group', {}, members().slice(0, 2), 'belongs to the group "web"'],
    ['a host that is stopped', {}, [instance(1, {}), instance(2, {}, 'stopped')], 'is stopped'],
  ] as const)('not of %s', (_what, change, instances, problem) => {
    expect(planGroup({ ...wanted, ...change }, instances, agents).problems.join()).toContain(problem);
  });

  it('an agent that is not online delays it, and is named', () => {
    expect(planGroup(wanted, free, [agent(1)]).warnings.join()).toContain(two);
    expect(observation([]).agents).toHaveLength(3);
  });
});
