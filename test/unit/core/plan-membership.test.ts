import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MembershipAction } from '../../../shared/core/membership/membership-action.ts';
import { planMembership } from '../../../shared/core/membership/plan-membership.ts';
import {
  encodedLength,
  formatPushRequest,
  maximumRequestLength,
} from '../../../shared/core/model/request.ts';
import { formatTask, parseTask } from '../../../shared/core/model/task.ts';
import { instanceId, primaryTags, publicKey } from './fixtures.ts';
import { SimulatedGroup } from './simulated-group.ts';
import { runs } from './thoroughness.ts';

const settings = {
  ...({ joinTimeout: 1800, joinFailure: 'ABANDON' } as const),
  remindAfter: 21_600,
  groupWait: 0,
  groupInterval: 0,
  rescueQuiet: 0,
} as const;
const plan = (group: SimulatedGroup) => planMembership(group.observe(), settings, group.now);
const isQuiet = ({ kind }: MembershipAction) => kind === 'wait' || kind === 'keep-alive';

/** Carries plans out until nothing is left to do. */
function settle(
  group: SimulatedGroup,
  carriedOut: (actions: readonly MembershipAction[]) => readonly MembershipAction[] = (all) => all,
): void {
  for (let round = 0; round < 100; round++) {
    const actions = plan(group);
    if (actions.every(isQuiet)) return;
    for (const action of carriedOut(actions)) group.carryOut(action);
    group.now += 1000;
  }
  throw new Error(`never settles: ${JSON.stringify(plan(group))}`);
}

function groupOf(newcomers: number, list = ''): SimulatedGroup {
  const group = new SimulatedGroup();
  group.add(instanceId(1), { ...primaryTags, 'hostsync:secondaries': list });
  for (let number = 2; number < newcomers + 2; number++) group.add(instanceId(number), {});
  return group;
}

const kinds = (actions: readonly MembershipAction[]) => actions.map(({ kind }) => kind);

describe('a primary that the launch hook holds', () => {
  const held = (id: string) => ({ id, autoScalingGroup: 'asg', state: 'Pending:Wait' });
  function heldPrimary(changes: Readonly<Record<string, string>> = {}): SimulatedGroup {
    const group = groupOf(0);
    Object.assign(group.instances.get(instanceId(1))?.tags ?? {}, changes);
    group.lifecycles.set(instanceId(1), held(instanceId(1)));
    return group;
  }

  it('is let into service: it has the files, and nobody could join without it', () => {
    expect(plan(heldPrimary())).toMatchObject([
      { kind: 'complete-hook', hook: 'hostsync-launch', instance: instanceId(1), result: 'CONTINUE' },
    ]);
  });

  it.each([
    ['it is about to become one', { 'hostsync:promoted': '' }],
    ['there is another', {}],
  ])('is held while %s, however long that takes', (why, changes) => {
    const group = heldPrimary(changes);
    if (why === 'there is another')
      group.add(instanceId(2), { ...primaryTags, 'hostsync:promoted': `1 ${instanceId(2)}` });
    group.now += 7200 * 1000;
    expect(plan(group)).toContainEqual(
      expect.objectContaining({ kind: 'keep-alive', instance: instanceId(1) }),
    );
    expect(kinds(plan(group))).not.toContain('complete-hook');
  });
});

it('more newcomers than one request holds get their first sync in several commands', () => {
  const group = groupOf(700);
  for (let look = 0; look < 3; look += 1) {
    const actions = plan(group);
    for (const action of actions) group.carryOut(action);
    group.now += 1000;
    const syncs = actions.flatMap((action) => (action.kind === 'first-sync' ? [action] : []));
    for (const { request } of syncs)
      expect(encodedLength(formatPushRequest(request))).toBeLessThanOrEqual(maximumRequestLength);
    if (syncs.length === 0) continue;
    expect(syncs.length).toBeGreaterThan(1);
    expect(new Set(syncs.flatMap(({ passes }) => [...passes.keys()])).size).toBe(700);
    return;
  }
  throw new Error('no first sync');
});

describe('a newcomer without room for the tags of a secondary', () => {
  const crowd = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`team:tag-${index}`, 'x']));

  it('sends one event and stays out, and keeps no other from joining', () => {
    const group = groupOf(2);
    Object.assign(group.instances.get(instanceId(2))?.tags ?? {}, crowd(45));
    const actions = plan(group);
    expect(actions).toContainEqual(
      expect.objectContaining({
        kind: 'report-failure',
        instance: instanceId(2),
        message: 'it has 46 of 50 tags, and hostsync needs 5 more: take 1 away',
      }),
    );
    expect(actions.filter(({ kind }) => kind === 'join')).toMatchObject([{ instances: [instanceId(3)] }]);
    for (const action of actions) group.carryOut(action);
    expect(kinds(plan(group))).not.toContain('report-failure');
  });

  it('joins if it just fits; tags of AWS itself do not count', () => {
    const group = groupOf(1);
    const tags = { ...crowd(44), 'aws:autoscaling:groupName': 'web', 'aws:cloudformation:stack-id': 'x' };
    Object.assign(group.instances.get(instanceId(2))?.tags ?? {}, tags);
    expect(kinds(plan(group))).toContain('join');
  });
});

describe('a newcomer', () => {
  it('goes through join, first sync and verification, and only then into the list', () => {
    const group = groupOf(1);
    const seen: string[] = [];
    settle(group, (actions) => {
      seen.push(kinds(actions).join('+'));
      if (group.list() !== '') expect(group.received.get(instanceId(2))).toBe(2);
      return actions;
    });
    expect(seen).toEqual(['join', 'record-join', 'first-sync', 'first-sync', 'admit', 'set-list']);
    expect(group.list()).toBe(instanceId(2));
    expect(group.instances.get(instanceId(2))?.tags).toMatchObject({
      'hostsync:state': 'in-sync',
      'hostsync:epoch': '1',
    });
  });

  it('is let into service only when it has the files and stands in the list', () => {
    const group = groupOf(1);
    group.lifecycles.set(instanceId(2), {
      id: instanceId(2),
      autoScalingGroup: 'asg',
      state: 'Pending:Wait',
    });
    settle(group);
    expect(group.completed).toEqual([
      { instance: instanceId(2), hook: 'hostsync-launch', result: 'CONTINUE', listed: instanceId(2) },
    ]);
  });

  it.each([
    ['it', 2, ['IPv4', 'IPv6']],
    ['the primary', 1, ['IPv6', 'IPv4']],
  ])(
    'is reported once when %s alone has IPv6, and joins when both have one family',
    (_name, number, families) => {
      const group = groupOf(2);
      group.withIpv6.add(instanceId(number));
      const [report] = plan(group);
      expect(report).toMatchObject({
        kind: 'report-failure',
        instance: instanceId(2),
        incident: { code: 'join-failed', notifications: 1 },
        message: `${instanceId(1)} has an ${families[0]} address only, and ${instanceId(2)} an ${families[1]} address only: launch one of them in a dual-stack subnet`,
      });
      settle(group);
      // Nothing was asked of it, and others join all the same
      expect(group.instances.get(instanceId(2))?.tags).not.toHaveProperty('hostsync:joined');
      expect(group.list()).toBe(number === 2 ? instanceId(3) : '');
      for (const id of group.instances.keys()) group.withIpv6.add(id);
      settle(group);
      expect(group.list().split(' ').sort()).toEqual([instanceId(2), instanceId(3)]);
    },
  );

  it('waits, and its hook is kept alive, until its agent is online', () => {
    const group = groupOf(1);
    group.instances.get(instanceId(1))?.tags &&
      Object.assign(group.instances.get(instanceId(1))?.tags ?? {}, {
        'hostsync:public-key': 'ssh-ed25519 AAAA',
      });
    group.offline.add(instanceId(2));
    group.lifecycles.set(instanceId(2), {
      id: instanceId(2),
      autoScalingGroup: 'asg',
      state: 'Pending:Wait',
    });
    // Notes since when it waits, and tells nobody yet
    const [report, ...others] = plan(group);
    expect(report).toMatchObject({
      kind: 'report-failure',
      incident: { code: 'join-failed', notifications: 0 },
    });
    expect(kinds(others)).toEqual(['wait', 'keep-alive']);
    if (report !== undefined) group.carryOut(report);
    expect(kinds(plan(group))).toEqual(['wait', 'keep-alive']);
    group.now += 1801 * 1000;
    expect(plan(group)).toContainEqual(
      expect.objectContaining({
        kind: 'complete-hook',
        result: 'ABANDON',
        failed: true,
        reason: `${instanceId(2)} did not join within 1800 s`,
      }),
    );
  });

  describe('that was launched long ago, and comes by AttachInstances or ExitStandby', () => {
    /** Months old when it comes to the launch hook. */
    function attached(): SimulatedGroup {
      const group = groupOf(1);
      Object.assign(group.instances.get(instanceId(1))?.tags ?? {}, { 'hostsync:public-key': publicKey });
      group.now += 90 * 24 * 3600_000;
      group.lifecycles.set(instanceId(2), {
        id: instanceId(2),
        autoScalingGroup: 'asg',
        state: 'Pending:Wait',
      });
      return group;
    }

    it('is not terminated for its age: it joins', () => {
      const group = attached();
      settle(group);
      expect(group.completed).toMatchObject([{ instance: instanceId(2), result: 'CONTINUE' }]);
      expect(group.notifications).toEqual([]);
      expect(group.instances.get(instanceId(2))?.tags['hostsync:incident']).toBeUndefined();
    });

    it.each(['its agent is offline', 'its join fails'])(
      'has the time of a launch from then on: %s',
      (why) => {
        const group = attached();
        if (why === 'its agent is offline') group.offline.add(instanceId(2));
        else group.fails = { kind: 'error', error: 'not-ready', message: 'rsync is missing' };
        const ends = group.now + 1800 * 1000;
        while (group.completed.length === 0 && group.now < ends + 120_000) {
          for (const action of plan(group)) group.carryOut(action);
          group.now += 60_000;
        }
        expect(group.completed).toMatchObject([{ instance: instanceId(2), result: 'ABANDON' }]);
        expect(group.now).toBeGreaterThan(ends);
      },
    );
  });

  it('that waits for its agent for longer than a launch may take sends one event, and is forgotten when it joins', () => {
    const group = groupOf(1);
    Object.assign(group.instances.get(instanceId(1))?.tags ?? {}, { 'hostsync:public-key': publicKey });
    group.offline.add(instanceId(2));
    for (let minute = 0; minute < 60; minute++) {
      for (const action of plan(group)) group.carryOut(action);
      expect(group.notifications.length).toBe(minute < 30 ? 0 : 1);
      group.now += 60_000;
    }
    expect(group.notifications).toEqual([
      { instance: instanceId(2), message: expect.stringContaining('not within 1800 s: the SSM agent') },
    ]);
    group.offline.clear();
    settle(group);
    expect(group.list()).toBe(instanceId(2));
    expect(group.instances.get(instanceId(2))?.tags['hostsync:incident']).toBeUndefined();
  });

  it('whose join or first sync fails sends one event, in the host’s words, however often it is tried again', () => {
    const group = groupOf(1);
    group.fails = { kind: 'error', error: 'not-ready', message: 'rsync is missing' };
    for (let round = 0; round < 30; round++) {
      for (const action of plan(group)) group.carryOut(action);
      group.now += 20_000;
    }
    expect(group.notifications).toEqual([
      { instance: instanceId(2), message: expect.stringContaining('not-ready: rsync is missing') },
    ]);
    expect(group.commands.filter(({ instance }) => instance === instanceId(2)).length).toBeGreaterThan(5);
  });

  it('whose first sync another run has asked for already sends no event, and goes on in a moment', () => {
    const group = groupOf(1);
    while (!group.commands.some(({ lines }) => lines.some(({ kind }) => kind === 'secondary')))
      for (const action of plan(group)) group.carryOut(action);
    const last = group.commands.length - 1;
    const command = group.commands[last];
    if (command === undefined) throw new Error('fixture');
    const busy = command.lines.map((line) =>
      line.kind === 'secondary'
        ? { ...line, ok: false, error: 'busy', message: 'an earlier push runs' }
        : line,
    );
    group.commands[last] = { ...command, lines: busy };
    expect(plan(group)).toMatchObject([{ kind: 'wait', soon: true }]);
    group.now += 5000;
    expect(kinds(plan(group))).toEqual(['first-sync']);
    settle(group);
    expect(group.notifications).toEqual([]);
    expect(group.list()).toBe(instanceId(2));
  });

  it.each(['several primaries', 'paused', 'stopped', 'bad tags', 'offline', 'none'])(
    'waits with a reason while the primary is unfit: %s',
    (incident) => {
      const group = groupOf(1);
      const primary = group.instances.get(instanceId(1));
      if (primary === undefined) throw new Error('fixture');
      if (incident === 'several primaries') group.add(instanceId(9), primaryTags);
      if (incident === 'paused') primary.tags['hostsync:paused'] = 'x';
      if (incident === 'stopped') primary.state = 'stopped';
      if (incident === 'bad tags') primary.tags['hostsync:directories'] = '/etc';
      if (incident === 'offline') group.offline.add(instanceId(1));
      if (incident === 'none') group.instances.delete(instanceId(1));
      const actions = plan(group);
      expect(actions.every(isQuiet)).toBe(true);
      expect(actions[0]?.reason).toContain('cannot join');
    },
  );

  it('from a warm pool joins when it comes out, and not while it is in it', () => {
    const group = groupOf(1);
    const lifecycle = { id: instanceId(2), autoScalingGroup: 'asg' };
    group.lifecycles.set(instanceId(2), { ...lifecycle, state: 'Warmed:Pending:Wait' });
    expect(plan(group)).toContainEqual(
      expect.objectContaining({ kind: 'complete-hook', result: 'CONTINUE', failed: false }),
    );
    group.lifecycles.set(instanceId(2), { ...lifecycle, state: 'Warmed:Running' });
    settle(group);
    expect(group.list()).toBe('');
    group.lifecycles.set(instanceId(2), { ...lifecycle, state: 'Pending:Wait' });
    settle(group);
    expect(group.list()).toBe(instanceId(2));
  });

  it('is never let in on the word of a push that failed', () => {
    const group = groupOf(1);
    for (let round = 0; round < 6; round++) {
      for (const action of plan(group)) group.carryOut(action);
      for (const [index, command] of group.commands.entries())
        group.commands[index] = {
          ...command,
          lines: command.lines.map((line) =>
            line.kind === 'secondary' ? { ...line, ok: false, files: 0, error: 'timeout' } : line,
          ),
        };
      group.now += 20_000;
    }
    expect(group.instances.get(instanceId(2))?.tags['hostsync:state']).toBe('joining');
    expect(group.list()).toBe('');
  });
});

describe('a host that Auto Scaling is about to terminate', () => {
  const [first, second, third] = [1, 2, 3].map(instanceId) as [string, string, string];
  const tag = (group: SimulatedGroup, id: string, tags: Readonly<Record<string, string>>) =>
    Object.assign(group.instances.get(id)?.tags ?? {}, tags);
  /** A primary (1) and two secondaries, of which this one is asked for by the terminate hook. */
  function leaving(id: string, state = 'Terminating:Wait'): SimulatedGroup {
    const group = groupOf(2);
    settle(group);
    group.setLifecycle(id, state);
    return group;
  }
  const keptAlive = (group: SimulatedGroup) =>
    plan(group).flatMap((action) =>
      action.kind === 'keep-alive' && action.hook === 'hostsync-terminate' ? [action.instance] : [],
    );

  it('as the primary is held until it has handed over, however long its last push takes', () => {
    expect(keptAlive(leaving(first))).toEqual([first]);
  });

  it('as the primary of a paused group is held as well: it is not to be lost by a pause', () => {
    const group = leaving(first);
    tag(group, first, { 'hostsync:paused': 'upgrade' });
    expect(keptAlive(group)).toEqual([first]);
  });

  it('as a former primary is held until what only it holds is rescued, and then no more', () => {
    const group = leaving(second);
    tag(group, second, { 'hostsync:state': 'quarantined' });
    expect(keptAlive(group)).toEqual([second]);
    settle(group);
    expect(group.completed).toMatchObject([
      { instance: second, hook: 'hostsync-terminate', result: 'CONTINUE' },
    ]);
    expect(keptAlive(group)).toEqual([]);
  });

  it.each<[string, (group: SimulatedGroup) => unknown]>([
    ['has no primary', (group) => delete group.instances.get(first)?.tags['hostsync:primary']],
    ['is paused', (group) => tag(group, first, { 'hostsync:paused': 'upgrade' })],
    ['has a primary that is about to become it', (group) => tag(group, first, { 'hostsync:promoted': '' })],
  ])('as a former primary is held while the group %s', (_what, change) => {
    const group = leaving(second);
    tag(group, second, { 'hostsync:state': 'quarantined' });
    change(group);
    expect(keptAlive(group)).toEqual([second]);
  });

  it('as one whose role was taken off by hand is held until it is set apart', () => {
    const group = leaving(second);
    tag(group, second, { 'hostsync:promoted': `1 ${second}` });
    expect(keptAlive(group)).toEqual([second]);
  });

  it.each<[string, () => SimulatedGroup]>([
    ['a secondary: others have its files', () => leaving(second)],
    [
      'the last host: nobody could take its place',
      () => {
        const group = groupOf(0);
        group.setLifecycle(first, 'Terminating:Wait');
        return group;
      },
    ],
    [
      'the primary when all others go too',
      () => {
        const group = leaving(first);
        for (const id of [second, third]) group.setLifecycle(id, 'Terminating:Wait');
        return group;
      },
    ],
    [
      'one that is stopped: it gives nothing any more',
      () => {
        const group = leaving(second);
        tag(group, second, { 'hostsync:state': 'quarantined' });
        Object.assign(group.instances.get(second) ?? {}, { state: 'stopped' });
        return group;
      },
    ],
    ['one that no hook holds', () => leaving(first, 'Terminating:Proceed')],
  ])('is not held as %s', (_what, group) => {
    expect(keptAlive(group())).toEqual([]);
  });

  it('and has retained: a former primary is rescued, and then released', () => {
    const group = leaving(second, 'Terminating:Retained');
    tag(group, second, { 'hostsync:state': 'quarantined' });
    const done: string[] = [];
    settle(group, (actions) => {
      done.push(...actions.map(({ kind }) => kind));
      return actions;
    });
    expect(done.filter((kind) => ['rescue', 'release', 'complete-hook'].includes(kind))).toEqual([
      'rescue',
      'release',
      'complete-hook',
    ]);
  });

  it('and has retained as a secondary: whoever keeps it may have a reason', () => {
    const group = leaving(second, 'Terminating:Retained');
    expect(kinds(plan(group))).not.toContain('release');
  });
});

describe('leaving', () => {
  it.each([
    [
      'stopped',
      (group: SimulatedGroup) =>
        Object.assign(group.instances.get(instanceId(2)) ?? {}, { state: 'stopped' }),
    ],
    ['terminated', (group: SimulatedGroup) => group.instances.delete(instanceId(2))],
    [
      'scaled in',
      (group: SimulatedGroup) =>
        group.lifecycles.set(instanceId(2), {
          id: instanceId(2),
          autoScalingGroup: 'asg',
          state: 'Terminating:Wait',
        }),
    ],
    [
      'untagged',
      (group: SimulatedGroup) => delete group.instances.get(instanceId(2))?.tags['hostsync:group'],
    ],
  ])(
    'a host that is %s goes out of the list, with what was written on it; names that a hand wrote stay',
    (_name, leave) => {
      const group = groupOf(2, 'web9.example.com:2222');
      settle(group);
      leave(group);
      settle(group);
      expect(group.list()).toBe(`web9.example.com:2222 ${instanceId(3)}`);
      const tags = Object.keys(group.instances.get(instanceId(2))?.tags ?? {});
      expect(tags.filter((key) => key !== 'hostsync:group')).toEqual([]);
    },
  );

  it('for good or not: a stopped host joins afresh when it is started', () => {
    const group = groupOf(1);
    settle(group);
    Object.assign(group.instances.get(instanceId(2)) ?? {}, { state: 'stopped' });
    settle(group);
    Object.assign(group.instances.get(instanceId(2)) ?? {}, { state: 'running' });
    expect(kinds(plan(group))).toEqual(['join']);
    settle(group);
    expect(group.list()).toBe(instanceId(2));
  });

  it('never touches a host name or a managed node that a hand wrote, whatever happens around it', () => {
    const byHand = `web9.example.com:2222 mi-${'0'.repeat(17)}`;
    const group = groupOf(20, byHand);
    settle(group);
    expect(group.list().startsWith(byHand)).toBe(true);
    expect(group.list().split(' ').length).toBe(22);
    for (let number = 2; number < 22; number++) group.instances.delete(instanceId(number));
    settle(group);
    expect(group.list()).toBe(byHand);
  });
});

it('the tag that an operator edits is left alone when hosts join: what he writes meanwhile cannot be lost', () => {
  const group = groupOf(3, 'web9.example.com');
  settle(group, (actions) => {
    for (const action of actions)
      if (action.kind === 'set-list') expect(Object.keys(action.set)).not.toContain('hostsync:secondaries');
    return actions;
  });
  expect(group.instances.get(instanceId(1))?.tags['hostsync:secondaries']).toBe('web9.example.com');
});

it('a change of the directories or of the primary has every member joined again, and none thrown out', () => {
  const group = groupOf(2);
  settle(group);
  Object.assign(group.instances.get(instanceId(1))?.tags ?? {}, {
    'hostsync:directories': '/srv/uploads /srv/more',
  });
  expect(plan(group)).toEqual([
    expect.objectContaining({ kind: 'join', instances: [instanceId(2), instanceId(3)] }),
  ]);
  settle(group);
  expect(group.list()).toBe(`${instanceId(2)} ${instanceId(3)}`);
  expect(group.instances.get(instanceId(2))?.tags['hostsync:state']).toBe('in-sync');
});

it('another keep-deleted has every member joined again, as join writes how long things are kept; another nice has not', () => {
  const group = groupOf(2);
  settle(group);
  const kept = (options: string) => {
    Object.assign(group.instances.get(instanceId(1))?.tags ?? {}, { 'hostsync:options': options });
    const joins = plan(group).filter(({ kind }) => kind === 'join');
    settle(group);
    return joins.flatMap((join) =>
      'request' in join && 'options' in join.request ? [join.request.options] : [],
    );
  };
  expect(kept('nice=5')).toEqual([]);
  expect(kept('nice=5 keep-deleted=30')).toEqual([
    new Map([
      ['nice', 5],
      ['keep-deleted', 30],
    ] as const),
  ]);
  expect(kept('keep-deleted=30 nice=7')).toEqual([]);
  expect(kept('keep-deleted=7').length).toBe(1);
  expect(kept('keep-deleted=7 keep-max=500').length).toBe(1);
  expect(plan(group).filter(({ kind }) => kind === 'join')).toEqual([]);
});

it('twenty at once are joined with one command, synced with one, and none is lost', () => {
  const group = groupOf(20);
  settle(group);
  expect(group.list().split(' ').length).toBe(20);
  expect(group.commands.filter(({ lines }) => lines[0]?.kind === 'secondary').length).toBe(2);
});

it('whatever prefix of whatever plan is carried out, in whatever order hosts come and go, the end is the same', () => {
  const change = fc.record({
    number: fc.integer({ min: 2, max: 5 }),
    what: fc.constantFrom('start', 'stop', 'terminate', 'offline', 'online', 'scale-in', 'untag'),
    cut: fc.nat(4),
    wait: fc.constantFrom(1, 20, 90),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 25 }), (changes) => {
      const group = groupOf(0, 'web9.example.com:2222');
      for (const { number, what, cut, wait } of changes) {
        const id = instanceId(number);
        const instance = group.instances.get(id);
        if (what === 'start' && instance === undefined) group.add(id, {});
        else if (what === 'start') Object.assign(instance ?? {}, { state: 'running' });
        else if (what === 'stop') Object.assign(instance ?? {}, { state: 'stopped' });
        else if (what === 'terminate') group.instances.delete(id);
        else if (what === 'offline') group.offline.add(id);
        else if (what === 'online') group.offline.delete(id);
        else if (what === 'untag') delete instance?.tags['hostsync:group'];
        else if (instance !== undefined)
          group.lifecycles.set(id, { id, autoScalingGroup: 'asg', state: 'Terminating:Wait' });
        // The function is killed after `cut` actions
        for (const action of plan(group).slice(0, cut)) group.carryOut(action);
        group.now += wait * 1000;
      }
      group.offline.clear();
      settle(group);
      const expected = [...group.instances]
        .filter(
          ([id, { state, tags }]) =>
            id !== instanceId(1) &&
            state === 'running' &&
            tags['hostsync:group'] !== undefined &&
            !group.lifecycles.has(id),
        )
        .map(([id]) => id);
      expect(group.list().split(' ').sort()).toEqual([...expected, 'web9.example.com:2222'].sort());
      for (const id of expected) expect(group.instances.get(id)?.tags['hostsync:state']).toBe('in-sync');
    }),
    { numRuns: runs(300) },
  );
});

it('a task survives its tag, and what is no task is none', () => {
  const task = {
    step: 'first-sync',
    pass: 2,
    digest: '-',
    command: '01234567-89ab-cdef-0123-456789abcdef',
    requestedAt: 1_800_000_000_000,
  } as const;
  expect(parseTask(formatTask(task))).toEqual(task);
  expect(formatTask(task).length).toBeLessThan(256);
  for (const text of [
    undefined,
    '',
    'join',
    `${formatTask(task)} x`,
    formatTask(task).replace('first-sync', 'rm'),
  ])
    expect(parseTask(text)).toBeUndefined();
});
