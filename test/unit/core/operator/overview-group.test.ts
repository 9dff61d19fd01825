import { describe, expect, it } from 'vitest';
import { formatIncident } from '../../../../shared/core/model/incident.ts';
import type { ScriptLine } from '../../../../shared/core/model/script-line.ts';
import { describeRelease } from '../../../../shared/core/operator/host-release.ts';
import {
  exitCodeOf,
  type HostOverview,
  markOf,
  type OverviewInput,
  worst,
} from '../../../../shared/core/operator/overview.ts';
import { agent, instance, instanceId } from '../fixtures.ts';
import { ago, changed, line, members, now, observation, push, view } from './fixtures.ts';

const host = (number: number, shown = view()) => shown.hosts.find(({ id }) => id === instanceId(number));

describe('what an operator sees of a group that is well', () => {
  it('every host with its role, and nothing to do', () => {
    const shown = view();
    expect(shown).toMatchObject({
      level: 'in-sync',
      verdict: 'All 2 secondaries are in sync',
      epoch: 1,
      paused: null,
      held: null,
      primary: instanceId(1),
      directories: ['/srv/uploads'],
      incidents: [],
      attention: [],
    });
    expect(
      shown.hosts.map(({ name, role, state, secondsBehind }) => [name, role, state, secondsBehind]),
    ).toEqual([
      ['web-1', 'primary', 'takes writes', null],
      ['web-2', 'secondary', 'in sync', 20],
      ['web-3', 'secondary', 'in sync', 20],
    ]);
  });

  it('it goes through JSON unchanged: a page reads the same', () => {
    const shown = view();
    expect(JSON.parse(JSON.stringify(shown))).toEqual(shown);
  });

  it('names in the order in which people count', () => {
    const more = [...members(), instance(10, { 'hostsync:group': 'web', Name: 'web-10' })];
    expect(view(more).hosts.map(({ name }) => name)).toEqual(['web-1', 'web-2', 'web-3', 'web-10']);
  });
});

describe('what is wrong is not shown as well', () => {
  const incident = (notifications: number) => `unreachable/${ago(400)}/${notifications}`;
  const behind = (notifications: number) =>
    changed(2, {
      'hostsync:state': 'behind',
      'hostsync:incident': incident(notifications),
      'hostsync:synced-at': ago(400),
    });

  it.each([
    ['a host that fails, before anybody was notified', behind(0), 'behind'],
    ['and after that', behind(1), 'attention'],
    [
      'in sync by its tag, but the pushes have stopped',
      changed(2, { 'hostsync:synced-at': ago(400) }),
      'attention',
    ],
    [
      'in sync by its tag, at a time that is not known',
      changed(2, { 'hostsync:synced-at': undefined }),
      'behind',
    ],
    ['still joining', changed(2, { 'hostsync:state': 'joining' }), 'behind'],
    ['new', changed(2, { 'hostsync:state': undefined }), 'behind'],
    ['stopped', changed(2, {}, 'stopped'), 'behind'],
    ['the primary is not made one yet', changed(1, { 'hostsync:promoted': undefined }), 'behind'],
    ['the primary is stopped', changed(1, {}, 'stopped'), 'attention'],
    ['a tag is wrong', changed(1, { 'hostsync:directories': '/etc' }), 'attention'],
    ['two primaries', changed(2, { 'hostsync:primary': '1' }), 'attention'],
    ['no primary', changed(1, { 'hostsync:primary': undefined }), 'attention'],
    ['paused', changed(1, { 'hostsync:paused': 'lunch' }), 'behind'],
    [
      'a promotion is blocked',
      changed(1, { 'hostsync:promotion-incident': `promotion-blocked/${ago(90)}/1` }),
      'attention',
    ],
    ['a push failed', changed(1, { 'hostsync:group-incident': `push-failed/${ago(90)}/1` }), 'attention'],
  ] as const)('%s', (_what, instances, level) => {
    const shown = view(instances);
    expect(shown.level).toBe(level);
    expect(shown.attention[0]?.level).toBe(level);
    expect(shown.verdict).not.toContain('in sync');
  });

  it('what is over, and only remembered, is no incident', () => {
    const over = { code: 'unreachable', since: now - 400_000, notifications: 0, clearedAt: now - 60_000 };
    const instances = changed(2, { 'hostsync:incident': formatIncident(over) });
    expect(view(instances)).toMatchObject({ level: 'in-sync', incidents: [] });
  });

  it('an agent that is offline or unknown is not online', () => {
    const shown = view(members(), { observed: observation(members(), [agent(2, false)]) });
    expect([1, 2, 3].map((number) => host(number, shown)?.agent)).toEqual(['unknown', 'offline', 'unknown']);
    expect(host(1, shown)).toMatchObject({ level: 'attention', state: 'agent offline' });
  });

  it('what could not be read is named, and is not fine', () => {
    const shown = view(members(), { unread: ['asking for the pushes failed: AccessDenied'] });
    expect(shown.level).toBe('behind');
    expect(shown.attention[0]?.message).toContain('AccessDenied');
  });

  it('the words of the push that met the error are shown, and since when', () => {
    const failed = { ...line(2, false), message: 'no route to host' };
    const shown = view(behind(1), { pushes: [push([failed])] });
    expect(host(2, shown)?.error).toEqual({
      code: 'unreachable',
      message: 'no route to host',
      since: now - 400_000,
    });
    expect(shown.attention[0]?.message).toContain('no route to host (for 7 min)');
    expect(shown.verdict).toBe('1 of 2 hosts is behind, 7 min at most');
  });
});

describe('held deletions', () => {
  const line: Extract<ScriptLine, { kind: 'deletions-held' }> = {
    kind: 'deletions-held',
    id: '5c1f00d2a94be317',
    count: 30,
    total: 40,
    reason: 'more than a fifth',
    examples: ['a', 'b'],
  };
  const raised = changed(1, { 'hostsync:group-incident': `deletions-held/${ago(90)}/1` });

  it('are shown as the newest push found them, with the command that accepts them', () => {
    const shown = view(raised, { pushes: [push([line], { status: 'failed' })] });
    expect(shown.held).toEqual({
      id: line.id,
      count: 30,
      total: 40,
      reason: line.reason,
      examples: ['a', 'b'],
      since: now - 90_000,
    });
    expect(shown.verdict).toBe('30 deletions are held');
    expect(shown.attention[0]?.next).toBe('hostsync accept-deletions web 5c1f00d2a94be317');
  });

  it('are not known any more: that is said, and not that there are none', () => {
    expect(view(raised).held).toMatchObject({ id: null, count: null, since: now - 90_000 });
  });

  it('are over when a newer push held none, though that is not recorded yet', () => {
    expect(view(raised, { pushes: [push([])] }).held).toBeNull();
  });
});

describe('hosts outside EC2', () => {
  it('are shown by the list, with what the last pushes said', () => {
    const listed = `${instanceId(2)} ${instanceId(3)} web9.example.com`;
    const well = view(changed(1, { 'hostsync:secondaries': listed }));
    expect(well.hosts.at(-1)).toMatchObject({ id: 'web9.example.com', role: 'external', level: 'in-sync' });
    const outside = `web9.example.com/unreachable/${ago(90)}/1`;
    const ill = view(changed(1, { 'hostsync:secondaries': listed, 'hostsync:outside': outside }));
    expect(ill.hosts.at(-1)).toMatchObject({ state: 'behind', error: { code: 'unreachable' } });
    expect(ill.level).toBe('attention');
  });
});

const releases = new Map([1, 2, 3].map((number) => [instanceId(number), '0.2.0-0123456789abcdef']));

describe('what else the page shows, and the command line too', () => {
  const outside = { ...line(9), id: 'web9.example.com' };

  it('a host outside EC2 was served when the last push to it succeeded', () => {
    const instances = changed(1, { 'hostsync:secondaries': `${instanceId(2)} web9.example.com` });
    const shown = view(instances, { pushes: [push([outside])] });
    expect(shown.hosts.at(-1)).toMatchObject({ secondsBehind: 10, syncedAt: now - 10_000 });
    expect(view(instances).hosts.at(-1)).toMatchObject({ secondsBehind: null, syncedAt: null });
  });

  it('a host that is asked to become the primary is being promoted, whatever its tags said before', () => {
    const task = `promote 1 - 00000000-0000-4000-8000-000000000001 ${ago(5)}`;
    const shown = view(changed(2, { 'hostsync:task': task }));
    expect(host(2, shown)).toMatchObject({ state: 'being promoted', level: 'behind' });
  });

  it('the pushes and the promotions, the newest first', () => {
    const claim = (epoch: number, from?: string) =>
      ({
        epoch,
        holder: instanceId(1),
        kind: 'first',
        why: 'the first',
        at: now - 9_000 + epoch,
        from,
      }) as const;
    const registers = new Map([
      ['web', { claims: [claim(1), claim(2, instanceId(2))], configuration: undefined }],
    ]);
    const shown = view(members(), {
      observed: { ...observation(members()), registers },
      pushes: [push([], { command: 'old', requestedAt: now - 90_000 }), push([line(2, false)])],
    });
    expect(shown.promotions.map(({ epoch, to, from }) => [epoch, to, from])).toEqual([
      [2, instanceId(1), instanceId(2)],
      [1, instanceId(1), null],
    ]);
    expect(shown.pushes).toMatchObject([
      { command: 'c', seconds: null, missed: [{ id: instanceId(2), error: 'unreachable' }] },
      { command: 'old', missed: [] },
    ]);
    expect(JSON.parse(JSON.stringify(shown))).toEqual(shown);
  });

  it('what a host said has no control characters and no end of its own making', () => {
    const said = { ...line(2, false), message: `no space\n\u001b[31mleft${'!'.repeat(900)}` };
    const shown = view(
      changed(2, { 'hostsync:state': 'behind', 'hostsync:incident': `disk-full/${ago(90)}/1` }),
      {
        pushes: [push([said])],
      },
    );
    expect(host(2, shown)?.error?.message).toMatch(/^no space \[31mleft!+\.\.\.$/);
    expect(host(2, shown)?.error?.message?.length).toBe(500);
  });

  it.each<[string, Partial<OverviewInput>, HostOverview['release'], string]>([
    ['nobody was asked', {}, null, '?'],
    ['SSM remembers no install of it', { releases: new Map() }, null, '?'],
    [
      'it took the package',
      { releases },
      { name: '0.2.0-0123456789abcdef', isDeployed: true },
      '0.2.0-0123456',
    ],
    [
      'its push says that it lacks the release, though it took it once',
      { releases, pushes: [push([{ kind: 'error', error: 'other-release', message: '' }])] },
      { name: null, isDeployed: false },
      'another',
    ],
  ])('the release of a host where %s', (_name, more, release, words) => {
    const its = host(1, view(members(), more))?.release ?? null;
    expect(its).toEqual(release);
    expect(describeRelease(its)).toBe(words);
  });

  it('a neighbour that was asked for its view and lacks the release', () => {
    const seen = {
      instance: instanceId(1),
      requestedAt: now,
      ended: true,
      connection: 'connected' as const,
      asked: [instanceId(2)],
      answered: [instanceId(2)],
      probes: [],
      withoutRelease: [instanceId(2)],
    };
    const shown = view(members(), {
      releases,
      observed: { ...observation(members()), reachability: [seen] },
    });
    expect(host(2, shown)?.release).toEqual({ name: null, isDeployed: false });
  });

  it.each([
    ['well', view(), 'in-sync'],
    ['paused on purpose', view(changed(1, { 'hostsync:paused': 'lunch' })), 'held'],
    ['only observed', view(changed(1, { 'hostsync:mode': 'observe' })), 'held'],
    ['without a primary', view(changed(1, { 'hostsync:primary': undefined })), 'attention'],
  ])('the mark of a group that is %s', (_name, shown, mark) => expect(markOf(shown)).toBe(mark));
});

it('exit codes are those of the worst', () => {
  expect(
    ['in-sync', 'behind', 'attention'].map((level) => exitCodeOf(worst(['in-sync', level] as never))),
  ).toEqual([0, 1, 2]);
  expect(worst([])).toBe('in-sync');
});
