import { describe, expect, it } from 'vitest';
import { exitCodes, explain, UsageError } from '../../../cli/errors.ts';
import { awsLine } from '../../../cli/output/aws-line.ts';
import { logText, parseLogLine } from '../../../cli/output/log-text.ts';
import { statusLines, statusTsv } from '../../../cli/output/status-text.ts';
import { formatTable, tsvLine, wrap } from '../../../cli/output/table.ts';
import { chooseGroup, Session } from '../../../cli/session.ts';
import { Terminal, terminalOptions } from '../../../cli/terminal.ts';
import { ago, changed, view } from '../core/operator/fixtures.ts';

const plain = { colour: false, unicode: true, columns: 80, interactive: false };
const terminal = (more: object = {}) =>
  new Terminal(
    { ...plain, ...more },
    () => undefined,
    () => undefined,
  );

describe('the status fits a terminal of 80 columns', () => {
  const ill = view(
    changed(2, {
      'hostsync:state': 'behind',
      'hostsync:incident': `unreachable/${ago(400)}/1`,
      'hostsync:synced-at': ago(400),
    }),
  );

  it('as a person reads it', () => {
    expect(statusLines(ill, 'eu-central-1, stage prod', terminal()).join('\n')).toMatchInlineSnapshot(`
      "web  ▲ 1 of 2 hosts is behind, 7 min at most  epoch 1, eu-central-1, stage prod, failover auto

        HOST   ROLE       STATE           BEHIND  ERROR        ZONE  AGENT   RELEASE
        web-1  primary    ✓ takes writes  -       -            -     online  ?
        web-2  secondary  ▲ behind        7 min   unreachable  -     online  ?
        web-3  secondary  ✓ in sync       20 s    -            -     online  ?

      ▲ web-2 (secondary) is 7 min behind: unreachable (for 7 min)
        Next: hostsync doctor web"
    `);
  });

  it('whatever does not fit is dropped from the right, never the state, the delay and the error', () => {
    for (const columns of [40, 60, 80, 200]) {
      const [, , header = ''] = statusLines(ill, 'x', terminal({ columns }));
      for (const title of ['STATE', 'BEHIND', 'ERROR']) expect(header).toContain(title);
      expect(header.includes('ID')).toBe(columns === 200);
    }
  });

  it('without Unicode and colour every state has a word and a symbol of ASCII', () => {
    const lines = statusLines(ill, 'x', terminal({ unicode: false })).join('\n');
    expect(lines).toMatch(/^[\x20-\x7e\n]*$/u);
    expect(lines).toContain('! behind');
    expect(lines).toContain('ok in sync');
  });

  it('in colour it says the same words', () => {
    const coloured = statusLines(ill, 'x', terminal({ colour: true })).join('\n');
    expect(coloured).toContain('\x1b[');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what colours are made of
    expect(coloured.replaceAll(/\x1b\[\d+m/gu, '')).toBe(statusLines(ill, 'x', terminal()).join('\n'));
  });

  it('gives scripts a line a host, with the columns always in this order', () => {
    const lines = statusTsv([ill]).map((line) => line.split('\t'));
    expect(lines[0]?.slice(0, 8)).toEqual([
      'group',
      'host',
      'name',
      'role',
      'level',
      'state',
      'seconds-behind',
      'error',
    ]);
    expect(lines[2]?.slice(2, 8)).toEqual([
      'web-2',
      'secondary',
      'attention',
      'behind',
      '400',
      'unreachable',
    ]);
    expect(new Set(lines.map(({ length }) => length)).size).toBe(1);
  });
});

describe('text', () => {
  it('a cell of a script never begins another cell', () => {
    expect(tsvLine(['a\tb', 'c\nd', null, 0])).toBe('a b\tc d\t\t0');
  });

  it('lines are broken between words, and the rest is indented', () => {
    expect(wrap('one two three four', 12, '! ')).toEqual(['! one two', '  three four']);
    expect(wrap('averyveryverylongword b', 8, '! ')).toEqual(['! averyveryverylongword', '  b']);
  });

  it('a table without rows has its titles', () => {
    expect(formatTable([{ title: 'A' }, { title: 'B' }], [], 80)).toEqual(['  A  B']);
  });
});

describe('the line for aws can be pasted into a shell', () => {
  const where = { region: 'eu-central-1', profile: undefined };
  it.each([
    [
      { set: { 'hostsync:primary': '2' }, remove: [] },
      'aws ec2 create-tags --region eu-central-1 --resources i-1 --tags Key=hostsync:primary,Value=2',
    ],
    [
      { set: {}, remove: ['hostsync:paused'] },
      'aws ec2 delete-tags --region eu-central-1 --resources i-1 --tags Key=hostsync:paused',
    ],
    [
      { set: { 'hostsync:paused': "it's, well" }, remove: [] },
      `aws ec2 create-tags --region eu-central-1 --resources i-1 --tags '{"Key":"hostsync:paused","Value":"it'\\''s, well"}'`,
    ],
  ])('%j', (change, line) => {
    expect(awsLine({ instances: ['i-1'], ...change }, where)).toBe(line);
  });

  it('names the profile', () => {
    const line = awsLine(
      { instances: ['i-1'], set: { a: 'b' }, remove: [] },
      { ...where, profile: 'my ops' },
    );
    expect(line).toContain("--profile 'my ops'");
  });
});

describe('log lines', () => {
  it('are read as the functions write them, and shown without what every line has', () => {
    const entry = parseLogLine(
      JSON.stringify({
        level: 'ERROR',
        message: 'm',
        timestamp: '2026-11-26T14:00:00.000Z',
        service: 's',
        action: 'push',
        group: 'web',
      }),
      'sync',
    );
    expect(entry?.fields).toEqual({ action: 'push' });
    expect(entry && logText(entry, terminal())).toBe('2026-11-26 14:00:00 ▲ sync           m  action=push');
  });

  it('what the runtime says is no line of ours', () => {
    for (const line of ['START RequestId: x', '{"_aws":{}}', 'null', '[]'])
      expect(parseLogLine(line, 'sync')).toBeUndefined();
  });
});

describe('errors say what to do', () => {
  const named = (name: string, more: object = {}) => Object.assign(new Error('m'), { name, ...more });
  it.each([
    [named('AccessDeniedException'), exitCodes.access],
    [named('UnauthorizedOperation'), exitCodes.access],
    [named('CredentialsProviderError'), exitCodes.access],
    [named('ExpiredTokenException'), exitCodes.access],
    [named('Error', { code: 'ECONNREFUSED' }), exitCodes.unavailable],
    [named('ThrottlingException', { $metadata: {} }), exitCodes.unavailable],
    [new AggregateError([named('AccessDenied')], 'x'), exitCodes.access],
    [new Error('outer', { cause: named('AccessDenied') }), exitCodes.access],
    [new UsageError('x', 'y'), exitCodes.usage],
  ])('%s', (error, code) => {
    expect(explain(error)).toMatchObject({ exitCode: code, advice: expect.any(String) });
  });

  it('a fault of the program is none of theirs', () => {
    expect(explain(new TypeError('x is undefined'))).toBeUndefined();
    expect(explain('x')).toBeUndefined();
  });

  it('nothing is said to be unchanged when something was changed', () => {
    expect(explain(named('AccessDenied'))?.advice).toContain('Nothing was changed');
    expect(explain(named('AccessDenied'), true)?.advice).not.toContain('Nothing was changed');
  });
});

it('a deployment of another release is named as that, with what to do', () => {
  const deployment = { stage: 'prod', region: 'r', tagPrefix: 'hostsync', environment: {} };
  expect(() => new Session(deployment, terminal())).toThrow(
    expect.objectContaining({
      exitCode: exitCodes.unavailable,
      message: expect.stringContaining('HOSTSYNC_TABLE'),
      advice: expect.stringContaining('npx serverless deploy --stage prod'),
    }),
  );
});

describe('the group that is meant', () => {
  it('may be left out where there is one', () => {
    expect(chooseGroup(undefined, ['web'], 'r')).toBe('web');
    expect(() => chooseGroup(undefined, ['shop', 'web'], 'r')).toThrow('Which group?');
    expect(() => chooseGroup(undefined, [], 'r')).toThrow('There is no group in r');
    expect(() => chooseGroup('wbe', ['shop', 'web'], 'r')).toThrow('Did you mean web?');
    expect(() => chooseGroup('other', ['web'], 'r')).toThrow('There is no group "other" in r.');
  });
});

describe('the terminal', () => {
  it('without a person nobody is asked', async () => {
    await expect(terminal().confirm('Go on?')).rejects.toThrow('nobody to answer');
  });

  it.each([
    [{ LANG: 'C' }, false],
    [{ LANG: 'de_DE.UTF-8' }, true],
    [{ LANG: 'de_DE.UTF-8', LC_ALL: 'C' }, false],
    [{ LANG: 'de_DE.UTF-8', TERM: 'dumb' }, false],
  ])('%j: symbols beyond ASCII: %s', (environment, unicode) => {
    expect(terminalOptions(false, environment).unicode).toBe(unicode);
  });

  it('NO_COLOR and --no-color are heard', () => {
    expect(terminalOptions(false, { FORCE_COLOR: '1' }).colour).toBe(true);
    expect(terminalOptions(false, { FORCE_COLOR: '1', NO_COLOR: '1' }).colour).toBe(false);
    expect(terminalOptions(true, { FORCE_COLOR: '1' }).colour).toBe(false);
  });
});
