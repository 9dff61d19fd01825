import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseDirectories } from '../../../../shared/core/model/directories.ts';
import { parseExcludes } from '../../../../shared/core/model/excludes.ts';
import { groupNameProblem, parseEpoch } from '../../../../shared/core/model/group.ts';
import { isOwnChange } from '../../../../shared/core/model/own-change.ts';
import { plainText, subjectText } from '../../../../shared/core/model/plain-text.ts';
import { parsePushOptions } from '../../../../shared/core/model/push-options.ts';
import { planInstall } from '../../../../shared/core/model/release.ts';
import { encodedLength, formatDoctorRequest } from '../../../../shared/core/model/request.ts';
import { parsePort } from '../../../../shared/core/model/route.ts';
import { formatOwnShards, parseSecondaries } from '../../../../shared/core/model/secondaries.ts';
import { describeTagProblem, type Parsed } from '../../../../shared/core/model/tag-problem.ts';
import { duration } from '../../../../shared/core/model/time.ts';
import { isStaleView } from '../../../../shared/core/model/wake-up.ts';
import { agent, hostKey, instance, instanceId, primaryTags, secondaryTags } from '../fixtures.ts';

// What operators write into tags, and what they are told of it: npm run unit -- tag-values -u writes it anew, for you to review.

const id = instanceId(1);
const list = (value: string) => parseSecondaries(id, { 'hostsync:secondaries': value });

const values: readonly (readonly [string, (value: string) => Parsed<unknown>, readonly string[]])[] = [
  [
    'directories',
    (value) => parseDirectories(id, value),
    [
      '/srv/uploads',
      '/',
      '/usr',
      '/usr/',
      '/usr/x',
      '/usr/local/x',
      '/usr/share',
      '/srv/usr',
      '/srv/a /srv/a/b',
      `/${'a'.repeat(254)}`,
      `/${'a'.repeat(255)}`,
      'srv',
      '',
    ],
  ],
  ['exclude', (value) => parseExcludes(id, value), ['*.tmp  cache/', '!', '*', '/***', 'a\u0007b']],
  [
    'options',
    (value) => parsePushOptions(id, value),
    ['nice=19 parallel=4', 'nice', 'nice=20', 'nice=01', 'nice=1 nice=2', 'speed=1', 'nice=-1', 'nice='],
  ],
  [
    'secondaries',
    list,
    [
      instanceId(2),
      'i-12',
      'xi-12',
      'web.example.com:65535',
      'web:65536',
      'web:0',
      'web:x1',
      'web:1x',
      'web:123456',
      'web:1:2',
      '255.255.255.255',
      '256.1.1.1',
      '1.1.1',
      '1.2.3.4.5',
      '01.1.1.1',
      '1.1.1.x1',
      '192.0.2.7a',
      'web web',
      'WEB:22 web',
    ],
  ],
  [
    'shards',
    (value) => parseSecondaries(id, { [`hostsync:secondaries-${value}`]: 'web1' }),
    ['2', '49', '50', '1', 'x'],
  ],
  ['epoch', (value) => parseEpoch(id, value), ['1', '0', '01', '999999999999', '1000000000000', 'x1', '1x']],
  ['port', (value) => parsePort(instance(1, { 'hostsync:port': value })), ['22', '65535', '65536', '0', 'x']],
];

it('of tags, good and bad', async () => {
  const lines = values.flatMap(([tag, parse, all]) =>
    all.map((value) => {
      const found = parse(value);
      const said = found.ok
        ? JSON.stringify(found.value, (_key, each: unknown) => (each instanceof Map ? [...each] : each))
        : found.problems.map(describeTagProblem).join(' | ');
      return `${tag} ${JSON.stringify(value.length > 60 ? `${value.length} characters` : value)}: ${said.replaceAll('\u0007', '\\u0007')}`;
    }),
  );
  const names = ['web', 'a b', ''].map((name) => {
    const problem = groupNameProblem(id, name);
    return `group ${JSON.stringify(name)}: ${problem === undefined ? 'fine' : describeTagProblem(problem)}`;
  });
  await expect(`${[...lines, ...names].join('\n')}\n`).toMatchFileSnapshot(
    join(import.meta.dirname, 'tag-values.txt'),
  );
});

describe('limits', () => {
  it.each([
    [119, '119 s'],
    [120, '2 min'],
    [7199, '120 min'],
    [7200, '2 h'],
    [9000, '3 h'],
  ])('%i s are said as %s', (seconds, expected) => {
    expect(duration(seconds)).toBe(expected);
  });

  it('a list goes to another tag when a value is full, not before', () => {
    const long = (length: number) => 'a'.repeat(length);
    expect(formatOwnShards([long(200), long(55)])).toEqual({
      'hostsync:secondaries-2': `${long(200)} ${long(55)}`,
    });
    expect(formatOwnShards([long(200), long(56)])).toEqual({
      'hostsync:secondaries-2': long(200),
      'hostsync:secondaries-3': long(56),
    });
  });

  it('text is cut when it is too long, not before, and without blanks around it', () => {
    expect([plainText(' abcd ', 4), plainText('abcdefg', 6), plainText(' \u0007 a\nb', 9)]).toEqual([
      'abcd',
      'abc...',
      'a b',
    ]);
    expect([
      subjectText(' aéb '),
      subjectText('x'.repeat(99)).length,
      subjectText('x'.repeat(100)).slice(-4),
    ]).toEqual(['a b', 99, 'x...']);
  });

  it('what a look has shown counts for half a minute', () => {
    expect([isStaleView(0, 30_000), isStaleView(0, 30_001)]).toEqual([false, true]);
  });

  it('hosts cost what differs between them, other lines all that they hold', () => {
    const host = (key: string) => `secondary\ti-1\t10.0.0.1\t22\t${key.replace(' ', '\t')}\n`;
    const one = encodedLength(host(hostKey));
    expect(encodedLength(host(hostKey).repeat(2)) - one).toBeLessThan(
      encodedLength(`option\t${host(hostKey)}`),
    );
    expect(encodedLength('directory\t/srv/ä\n')).toBeGreaterThan(encodedLength('directory\t/srv/a\n'));
  });
});

it('a host is asked to say of itself what its role needs', () => {
  const request = { group: 'web', epoch: 2, holder: id, directories: ['/srv/a'], role: 'secondary' } as const;
  expect(formatDoctorRequest(request)).toBe(
    `group\tweb\nepoch\t2\nholder\t${id}\ndirectory\t/srv/a\noption\trole\tsecondary\n`,
  );
});

describe('a change of tags is our own', () => {
  it.each<[string, readonly string[], Readonly<Record<string, string>>, boolean]>([
    ['with the state among them', ['hostsync:state', 'Name'], {}, true],
    ['not with the group', ['hostsync:state', 'hostsync:group'], {}, false],
    [
      'a spot interruption that was noted',
      ['hostsync:switchover'],
      { 'hostsync:switchover': 'any  spot' },
      true,
    ],
    [
      'not a switchover that a person asks for',
      ['hostsync:switchover'],
      { 'hostsync:switchover': 'any ' },
      false,
    ],
    [
      'nor one to a host of that name',
      ['hostsync:switchover'],
      { 'hostsync:switchover': 'many spot' },
      false,
    ],
    [
      'nor one beside a tag of somebody else',
      ['hostsync:switchover', 'Name'],
      { 'hostsync:switchover': 'any spot' },
      false,
    ],
    ['nor one that was taken away', ['hostsync:switchover'], {}, false],
  ])('%s', (_name, changed, tags, expected) => {
    expect(isOwnChange(changed, tags)).toBe(expected);
  });
});

describe('the package is installed where a host says that it lacks it', () => {
  const command = '00000000-0000-4000-8000-000000000001';
  const task = { 'hostsync:task': `join 1 - ${command} 2026-11-22T10:00:00.000Z` };
  const lacking = { kind: 'error', error: 'other-release', message: 'x' } as const;
  const answer = (number: number, lines: readonly (typeof lacking)[] = [lacking]) => {
    return { command, instance: instanceId(number), status: 'failed', detail: 'Failed', lines } as const;
  };
  const observed = (more: object = {}) => ({
    instances: [
      instance(1, primaryTags),
      instance(2, { ...secondaryTags, ...task }),
      instance(3, secondaryTags),
      instance(4, secondaryTags, 'stopped'),
    ],
    agents: [agent(1), agent(2), agent(3, false), agent(4)],
    lifecycles: new Map(),
    commands: [],
    registers: new Map(),
    statuses: [],
    reachability: [],
    ...more,
  });
  const push = (lines: readonly (typeof lacking)[], requestedAt: number) => ({
    ...answer(1, lines),
    requestedAt,
  });

  it('nowhere if nobody does', () => {
    expect(planInstall(observed(), [push([], 2), push([lacking], 1)])).toBeUndefined();
  });

  it('on one host, whose task is then asked for again', () => {
    expect(planInstall(observed({ commands: [answer(2)] }), [])).toEqual({
      waves: [[instanceId(2)]],
      tasks: new Map([[instanceId(2), instanceId(2)]]),
      reason: `${instanceId(2)} lack the release of the host package`,
    });
  });

  it('everywhere that can be reached, the primary last, if that lacks it', () => {
    expect(planInstall(observed(), [push([lacking], 2), push([], 1)])).toEqual({
      waves: [[instanceId(2)], [instanceId(1)]],
      tasks: new Map(),
      unpushed: instanceId(1),
      reason: `${instanceId(1)} ${instanceId(2)} lack the release of the host package`,
    });
  });

  it('on those that were asked to look at another', () => {
    const reachability = [{ withoutRelease: [instanceId(3)] }, {}];
    expect(planInstall(observed({ reachability }), [])?.waves).toEqual([[instanceId(3)]]);
  });
});
