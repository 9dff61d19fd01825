import { describe, expect, test } from 'vitest';
import { awsLines } from '../../../cli/change.ts';
import { exitCodeOf } from '../../../cli/commands/status.ts';
import { goalsOf } from '../../../cli/commands/wait.ts';
import { Failure, toFailure } from '../../../cli/failure.ts';
import { nearest } from '../../../cli/nearest.ts';
import { bytes, lag } from '../../../cli/render/duration.ts';
import { parseLogLine, renderLogLine } from '../../../cli/render/log-line.ts';
import { renderStatus, statusRows } from '../../../cli/render/status.ts';
import { renderTable } from '../../../cli/render/table.ts';
import { plainLook } from '../../../cli/terminal.ts';
import type { GroupOverview } from '../../../shared/core/operator/overview.ts';

const at = Date.parse('2026-11-26T14:07:23Z');
const web: GroupOverview = {
  ...{ group: 'web', at, epoch: 3, primary: 'i-1', directories: ['/srv/uploads'] },
  ...{ verdict: 'attention', headline: '1 of 2 secondaries is behind' },
  hosts: [
    {
      id: 'i-1',
      name: 'web-1',
      role: 'primary',
      state: 'takes-writes',
      agent: 'online',
      zone: 'eu-central-1a',
    },
    {
      ...{ id: 'i-2', name: 'web-2', role: 'secondary', state: 'in-sync', agent: 'online' },
      ...{ zone: 'eu-central-1a', secondsBehind: 12, syncedAt: at - 12_000 },
    },
    {
      ...{
        id: 'i-4',
        name: 'web-4',
        role: 'secondary',
        state: 'behind',
        agent: 'online',
        zone: 'eu-central-1b',
      },
      ...{ secondsBehind: 312, syncedAt: at - 312_000 },
      trouble: { code: 'unreachable', since: at - 312_000, notified: true },
    },
  ],
  attention: [
    {
      ...{ level: 'error', code: 'unreachable', host: 'i-4', what: 'i-4 is behind (unreachable)' },
      ...{ why: 'For 5 min', remedy: 'see what EC2 says of it' },
    },
  ],
  ...{ incidents: [], pushes: [], promotions: [] },
};
const where = { region: 'eu-central-1', stage: 'prod' };

test('status: the verdict first, then the hosts, then what to do', () => {
  expect(renderStatus(web, plainLook, where)).toBe(
    `
web  ▲ 1 of 2 secondaries is behind   epoch 3 · eu-central-1 · prod

  HOST   ROLE       STATE           BEHIND      ERROR        ZONE
  web-1  primary    ✓ takes writes  -           -            eu-central-1a
  web-2  secondary  ✓ in sync       12 s        -            eu-central-1a
  web-4  secondary  ▲ behind        5 min 12 s  unreachable  eu-central-1b

▲ i-4 is behind (unreachable)
  For 5 min.
  Next: see what EC2 says of it`.trimStart(),
  );
});

test('a narrow terminal loses what can be spared, and never the state, the lag and the error', () => {
  const narrow = renderStatus(web, { ...plainLook, columns: 40 }, where);
  expect(narrow).toContain('HOST   ROLE       STATE           BEHIND      ERROR\n');
});

test('what could not be read is said, and not taken for well', () => {
  expect(renderStatus(web, plainLook, where, ['the lifecycle states: denied'])).toContain(
    '? Not read: the lifecycle states: denied',
  );
});

test('for programs: one line a host, and no name breaks a line', () => {
  const [first] = web.hosts;
  if (first === undefined) throw new Error('no host');
  const odd = { ...web, hosts: [{ ...first, name: 'a\tb\nc' }] };
  expect(statusRows([odd]).split('\n')).toEqual([
    'group\thost\tname\trole\tstate\tseconds_behind\terror\tzone\tagent',
    'web\ti-1\ta b c\tprimary\ttakes-writes\t\t\teu-central-1a\tonline',
  ]);
});

test('the exit code is that of the worst group', () => {
  expect(exitCodeOf([])).toBe(0);
  expect(exitCodeOf([{ verdict: 'in-sync' }, { verdict: 'behind' }])).toBe(1);
  expect(exitCodeOf([{ verdict: 'behind' }, { verdict: 'attention' }, { verdict: 'in-sync' }])).toBe(2);
});

test('colours take no room in a table', () => {
  const red = (text: string) => `\u001b[31m${text}\u001b[39m`;
  const columns = [
    { title: 'A', value: (row: string) => red(row) },
    { title: 'B', value: (row: string) => row },
  ];
  expect(renderTable(columns, ['x', 'long'], 80)).toEqual([
    'A     B',
    `${red('x')}     x`,
    `${red('long')}  long`,
  ]);
});

describe('wait', () => {
  const missing = (options: Parameters<typeof goalsOf>[0], overview: GroupOverview, began = at) =>
    goalsOf(options, began).map((goal) => goal.missing(overview));
  const synced: GroupOverview = { ...web, verdict: 'in-sync', hosts: web.hosts.slice(0, 2) };

  test('--in-sync: what was there at the start has come, and not only what was there before', () => {
    expect(missing({ inSync: true }, web)).toEqual(['1 of 2 secondaries is behind']);
    expect(missing({ inSync: true }, synced, at - 5000)).toEqual(['1 of 1 wait for the next push']);
    expect(missing({ inSync: true }, synced, at - 12_000)).toEqual([undefined]);
  });

  test('--promoted and --joined go by what the host is; a host that is not there yet may come', () => {
    expect(missing({ inSync: false, promoted: 'web-1', joined: 'i-2' }, web)).toEqual([undefined, undefined]);
    expect(missing({ inSync: false, promoted: 'web-2' }, web)).toEqual(['web-2 is a secondary host']);
    expect(missing({ inSync: false, joined: 'web-9' }, web)).toEqual(['there is no web-9 yet']);
    expect(() => missing({ inSync: false, promoted: 'web-9' }, web)).toThrow(
      'There is no host "web-9" in web.',
    );
  });
});

test('the aws line does the same in a shell, whatever the value holds', () => {
  const change = { instance: 'i-1', set: { 'hostsync:paused': `it's 1, "2"` }, remove: ['hostsync:joined'] };
  expect(awsLines(change, { region: 'eu-west-1', profile: 'ops' })).toEqual([
    String.raw`aws ec2 create-tags --region eu-west-1 --profile ops --resources i-1 --tags 'Key=hostsync:paused,Value="it'\''s 1, \"2\""'`,
    'aws ec2 delete-tags --region eu-west-1 --profile ops --resources i-1 --tags Key=hostsync:joined',
  ]);
  expect(awsLines({ ...change, set: { 'hostsync:switchover': 'i-2' }, remove: [] }, {})).toEqual([
    'aws ec2 create-tags --resources i-1 --tags Key=hostsync:switchover,Value=i-2',
  ]);
});

test('a lag is read to the second below an hour', () => {
  expect([0, 59, 60, 312, 3599, 3600, 90_000, 400_000].map(lag)).toEqual([
    ...['0 s', '59 s', '1 min', '5 min 12 s', '59 min 59 s', '1 h 0 min', '25 h 0 min', '4 d'],
  ]);
  expect([0, 999, 1000, 1_500_000].map(bytes)).toEqual(['0 B', '999 B', '1.0 kB', '1.5 MB']);
});

test('a mistyped name is known by its letters', () => {
  expect(nearest('wbe', ['shop', 'web'])).toBe('web');
  expect(nearest('shpo', ['shop', 'web'])).toBe('shop');
  expect(nearest('blog', ['shop', 'web'])).toBeUndefined();
});

describe('an error of AWS is said with what to do', () => {
  const named = (name: string) => Object.assign(new Error('its words'), { name });
  test.each([
    ['CredentialsProviderError', 77],
    ['ExpiredTokenException', 77],
    ['UnauthorizedOperation', 77],
    ['AccessDeniedException', 77],
    ['TimeoutError', 69],
    ['SomethingElse', 1],
  ])('%s: %i', (name, exitCode) => {
    const failure = toFailure(named(name));
    expect(failure.exitCode).toBe(exitCode);
    expect(failure.advice.length).toBeGreaterThan(0);
  });

  test('where a call failed in several ways, the one that a person can mend is said', () => {
    const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
    expect(toFailure(new AggregateError([named('x'), refused], 'all')).exitCode).toBe(69);
    const own = new Failure('own', { exitCode: 64 });
    expect(toFailure(own)).toBe(own);
  });
});

test('a log line is one line: what was done, and why; what Lambda itself writes is none', () => {
  const text = JSON.stringify({
    level: 'WARN',
    message: 'a\nb',
    action: 'push',
    outcome: 'failed',
    group: 'web',
  });
  const line = parseLogLine('sync', at, text);
  expect(line && renderLogLine(line, plainLook)).toBe(
    '11-26 14:07:23  WARN   sync            push failed: a b',
  );
  expect(parseLogLine('sync', at, 'REPORT RequestId: x')).toBeUndefined();
  expect(parseLogLine('sync', at, '{"level":1}')).toBeUndefined();
});
