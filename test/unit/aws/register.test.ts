import { GetParametersByPathCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, expect, it } from 'vitest';
import { RegisterError, readRegister, writeClaim, writeMirror } from '../../../shared/aws/register.ts';

const ssm = mockClient(SSMClient);
const client = new SSMClient({ region: 'us-east-1' });
beforeEach(() => ssm.reset());

const at = Date.parse('2026-11-22T10:00:00.123Z');
const claim = (epoch: number) => ({ epoch, holder: `i-${epoch}`, kind: 'failover' as const, why: 'x', at });
const parameter = (name: string, value: unknown) => ({
  ...{ Name: `/hostsync/web/${name}`, Value: typeof value === 'string' ? value : JSON.stringify(value) },
});
const written = (epoch: number) =>
  parameter(`epochs/${epoch}`, { ...claim(epoch), at: new Date(at).toISOString() });
const named = (name: string) => Object.assign(new Error('no'), { name });

it('reads every page, and the claims in the order of their epochs: 10 comes after 9', async () => {
  ssm
    .on(GetParametersByPathCommand)
    .resolvesOnce({ Parameters: [written(10), parameter('other', 'x')], NextToken: 'more' })
    .resolvesOnce({
      Parameters: [written(9), parameter('config', { primary: 'i-9', tags: { 'hostsync:primary': '9' } })],
    });
  expect(await readRegister(client, 'web')).toEqual({
    claims: [claim(9), claim(10)],
    configuration: { primary: 'i-9', tags: { 'hostsync:primary': '9' } },
  });
  expect(ssm.commandCalls(GetParametersByPathCommand).map((call) => call.args[0].input)).toMatchObject([
    { Path: '/hostsync/web', Recursive: true, MaxResults: 10 },
    { NextToken: 'more' },
  ]);
});

it('a group that never had a primary has an empty one', async () => {
  ssm.on(GetParametersByPathCommand).resolves({ Parameters: [] });
  expect(await readRegister(client, 'web')).toEqual({ claims: [], configuration: undefined });
});

it.each([
  ['no JSON', 'x', 'holds no JSON'],
  ['nothing', '', 'holds no JSON'],
  ['another form', '{}', 'is wrong'],
  ['an epoch that is none', { ...claim(2), epoch: 0, at: '2026-11-22T10:00:00Z' }, 'is wrong'],
  ['no time', { ...claim(2), at: 'noon' }, 'is wrong'],
])(
  'a claim that is damaged (%s) is an error, and never no claim: two hosts would hold the epoch',
  async (_name, value, message) => {
    ssm.on(GetParametersByPathCommand).resolves({ Parameters: [written(1), parameter('epochs/2', value)] });
    const reading = readRegister(client, 'web');
    await expect(reading).rejects.toThrow(RegisterError);
    await expect(reading).rejects.toThrow('/hostsync/web/epochs/2');
    await expect(reading).rejects.toThrow(message);
  },
);

it.each(['AccessDeniedException', 'ThrottlingException'])(
  '%s is an error, and never an empty register',
  async (name) => {
    ssm.on(GetParametersByPathCommand).rejects(named(name));
    await expect(readRegister(client, 'web')).rejects.toThrow(expect.objectContaining({ name }));
  },
);

it('an epoch is claimed with one write that cannot overwrite, of no more than a parameter holds', async () => {
  ssm.on(PutParameterCommand).resolves({});
  await writeClaim(client, 'web', { ...claim(2), why: 'x'.repeat(10_000) });
  const { Value = '', ...input } = ssm.commandCalls(PutParameterCommand)[0]?.args[0].input ?? {};
  expect(input).toEqual({ Name: '/hostsync/web/epochs/2', Type: 'String', Overwrite: false });
  expect(Buffer.byteLength(Value)).toBeLessThan(4096);
  ssm.on(GetParametersByPathCommand).resolves({ Parameters: [parameter('epochs/2', Value)] });
  expect((await readRegister(client, 'web')).claims).toMatchObject([{ epoch: 2, holder: 'i-2', at }]);
});

it('that somebody else was first is no error; everything else is', async () => {
  ssm.on(PutParameterCommand).rejects(named('ParameterAlreadyExists'));
  await expect(writeClaim(client, 'web', claim(2))).resolves.toBeUndefined();
  for (const name of ['AccessDeniedException', 'ParameterLimitExceeded', 'TooManyUpdates']) {
    ssm.on(PutParameterCommand).rejects(named(name));
    await expect(writeClaim(client, 'web', claim(2))).rejects.toThrow(expect.objectContaining({ name }));
  }
});

it('the reason of a claim may be in any script, and still fits', async () => {
  ssm.on(PutParameterCommand).resolves({});
  await writeClaim(client, 'web', { ...claim(2), why: '語'.repeat(3000) });
  const { Value = '' } = ssm.commandCalls(PutParameterCommand)[0]?.args[0].input ?? {};
  expect(Buffer.byteLength(Value)).toBeLessThan(4096);
});

it('the mirror is overwritten, and a long one gets room', async () => {
  ssm.on(PutParameterCommand).resolves({});
  await writeMirror(client, 'web', 'i-1', { 'hostsync:primary': '1' });
  await writeMirror(
    client,
    'web',
    'i-1',
    Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`k${n}`, 'x'.repeat(256)])),
  );
  expect(ssm.commandCalls(PutParameterCommand).map((call) => call.args[0].input)).toMatchObject([
    {
      Name: '/hostsync/web/config',
      Overwrite: true,
      Value: '{"primary":"i-1","tags":{"hostsync:primary":"1"}}',
    },
    // Standard as long as it fits, and no error when a long list becomes short again
    { Name: '/hostsync/web/config', Overwrite: true, Tier: 'Intelligent-Tiering' },
  ]);
});

it('what hosts and tags say cannot keep an epoch from being claimed: Parameter Store refuses references', async () => {
  ssm.on(PutParameterCommand).resolves({});
  const words = 'did not reach it: {{ssm:x}} {{{y}}}';
  await writeClaim(client, 'web', { ...claim(2), why: words });
  await writeMirror(client, 'web', 'i-1', { 'hostsync:paused': words });
  const values = ssm.commandCalls(PutParameterCommand).map((call) => call.args[0].input.Value ?? '');
  for (const value of values) expect(value).not.toMatch(/\{\{.*\}\}/u);
  expect(values.map((value) => JSON.parse(value))).toMatchObject([
    { why: words },
    { tags: { 'hostsync:paused': words } },
  ]);
});
