import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatOwnShards, parseSecondaries, shardNumber } from '../../../shared/core/model/secondaries.ts';
import { instanceId } from './fixtures.ts';

const parse = (tags: Readonly<Record<string, string>>) => parseSecondaries('i-1', tags);
const ids = (tags: Readonly<Record<string, string>>) => {
  const result = parse(tags);
  return result.ok ? result.value.map(({ id }) => id) : result.problems;
};

describe('entries', () => {
  it.each([
    ['an instance', instanceId(7), { kind: 'instance', id: instanceId(7) }],
    ['an instance with an old, short id', 'i-0abc1234', { kind: 'instance', id: 'i-0abc1234' }],
    ['a node outside EC2', `mi-${'0'.repeat(17)}`, { kind: 'managed-node', id: `mi-${'0'.repeat(17)}` }],
    [
      'a host name',
      'web3.example.com',
      { kind: 'outside', id: 'web3.example.com', port: 22, entry: 'web3.example.com' },
    ],
    ['capitals', 'WEB3', { kind: 'outside', id: 'web3', port: 22, entry: 'web3' }],
    ['a port', 'web3:2222', { kind: 'outside', id: 'web3', port: 2222, entry: 'web3:2222' }],
    ['an IPv4 address', '192.0.2.7', { kind: 'outside', id: '192.0.2.7', port: 22, entry: '192.0.2.7' }],
    [
      'a name that begins like an id',
      'i-am-a-host',
      { kind: 'outside', id: 'i-am-a-host', port: 22, entry: 'i-am-a-host' },
    ],
  ])('%s', (_name, word, expected) => {
    expect(parse({ 'hostsync:secondaries': word })).toEqual({ ok: true, value: [expected] });
  });

  it.each([
    ['an id with a digit missing', 'i-0abc1234def56789', 'looks like an instance id'],
    ['an id with a capital', 'i-0ABC1234DEF567890', 'looks like an instance id'],
    ['an id without digits', 'i-', 'looks like an instance id'],
    ['an option for ssh', '-oProxyCommand=id', 'neither an instance id nor a host name'],
    ['a user', 'root@web3', 'neither an instance id nor a host name'],
    ['a comma for a blank', 'web1,web2', 'neither an instance id nor a host name'],
    ['an IPv6 address', '2001:db8::1', 'neither an instance id nor a host name'],
    ['a hyphen at the end of a label', 'web-.example.com', 'neither an instance id nor a host name'],
    ['a label of 64', `${'a'.repeat(64)}.example.com`, 'neither an instance id nor a host name'],
    ['a number too large in an address', '192.0.2.256', 'not an IPv4 address'],
    ['an address cut short', '192.0.2', 'not an IPv4 address'],
    ['port 0', 'web3:0', 'port is not a number'],
    ['port 65536', 'web3:65536', 'port is not a number'],
    ['an empty port', 'web3:', 'port is not a number'],
  ])('%s is refused', (_name, word, problem) => {
    expect(parse({ 'hostsync:secondaries': `${instanceId(2)} ${word}` })).toEqual({
      ok: false,
      problems: [
        {
          instance: 'i-1',
          tag: 'hostsync:secondaries',
          value: word,
          problem: expect.stringContaining(problem),
          remedy: expect.stringMatching(/\S/u),
        },
      ],
    });
  });
});

describe('shards', () => {
  it('are read in the order of their numbers, whatever order the tags come in', () => {
    expect(
      ids({ 'hostsync:secondaries-10': 'd', 'hostsync:secondaries-2': 'b c', 'hostsync:secondaries': 'a' }),
    ).toEqual(['a', 'b', 'c', 'd']);
  });

  it('may be missing or empty in the middle, as while one is being rewritten', () => {
    expect(ids({ 'hostsync:secondaries': '', 'hostsync:secondaries-3': 'a' })).toEqual(['a']);
  });

  it('count an entry once that stands in two of them', () => {
    expect(ids({ 'hostsync:secondaries': 'a b', 'hostsync:secondaries-2': 'b a' })).toEqual(['a', 'b']);
  });

  it('naming one host with two ports are refused: its key and its results are kept by name', () => {
    expect(ids({ 'hostsync:secondaries': 'web3 web3:2222' })).toEqual([
      expect.objectContaining({ value: 'web3:2222', problem: 'the host is named twice, also with port 22' }),
    ]);
  });

  it.each(['-1', '-0', '-02', '-x', '-', '-2-3', '-50'])('with the suffix "%s" are refused', (suffix) => {
    const tag = `hostsync:secondaries${suffix}`;
    expect(ids({ [tag]: 'a' })).toEqual([expect.objectContaining({ tag, value: 'a' })]);
  });

  it('are not confused with other tags', () => {
    expect(shardNumber('hostsync:secondary')).toBeUndefined();
    expect(shardNumber('Hostsync:secondaries')).toBeUndefined();
    expect(ids({ Name: 'web', 'hostsync:group': 'web' })).toEqual([]);
  });

  it('hold any list that was written to them, within the limits of EC2', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9]{0,40}$/u);
    const entry = fc.oneof(fc.nat(2 ** 31).map(instanceId), name);
    fc.assert(
      fc.property(fc.uniqueArray(entry, { maxLength: 300 }), (list) => {
        const tags = formatOwnShards(list);
        for (const value of Object.values(tags)) expect(value.length).toBeLessThanOrEqual(256);
        expect(ids(tags)).toEqual(list);
        expect(Object.keys(tags)).not.toContain('hostsync:secondaries');
      }),
    );
  });
});
