import { expect, it } from 'vitest';
import {
  type ObservedRecord,
  recordBlocker,
  recordChanges,
} from '../../../shared/core/succession/plan-name.ts';

const record = (
  type: string,
  values: readonly string[],
  more: Partial<ObservedRecord> = {},
): ObservedRecord => {
  return { type, values, ttl: 300, alias: undefined, setIdentifier: undefined, ...more };
};
const ipv4 = record('A', ['10.0.0.1']);
const ipv6 = record('AAAA', ['2001:db8::1']);

it.each<[string, readonly ObservedRecord[], string | undefined]>([
  ['nothing', [], undefined],
  ['a simple record', [ipv4], undefined],
  ['one of each family', [ipv4, ipv6], undefined],
  [
    'a simple record, beside texts and mail servers',
    [ipv4, record('TXT', ['"a"', '"b"']), record('MX', ['1 a', '2 b'])],
    undefined,
  ],
  [
    'an alias of a load balancer',
    [record('A', [], { ttl: undefined, alias: 'lb-1.elb.amazonaws.com.' })],
    '(A) is an alias of lb-1.elb.amazonaws.com.',
  ],
  ['an alias of IPv6 alone', [ipv4, record('AAAA', [], { alias: 'lb.' })], '(AAAA) is an alias of lb.'],
  [
    'a weighted, latency, failover, geolocation or multi-value record',
    [record('A', ['10.0.0.1'], { setIdentifier: 'blue' })],
    'routing policy (blue)',
  ],
  ['a weighted CNAME', [record('CNAME', ['a.'], { setIdentifier: 'blue' })], 'routing policy (blue)'],
  ['a CNAME', [record('CNAME', ['web-1.example.com'])], '(CNAME) is a CNAME of web-1.example.com'],
  ['several addresses', [record('A', ['10.0.0.1', '10.0.0.2'])], '(A) is one with 2 addresses'],
  ['several IPv6 addresses', [ipv4, record('AAAA', ['::1', '::2'])], '(AAAA) is one with 2 addresses'],
])('what editors use is not overwritten where somebody wants it otherwise: %s', (_name, records, words) => {
  const blocker = recordBlocker('edit.example.com', records);
  if (words === undefined) expect(blocker).toBeUndefined();
  else {
    expect(blocker).toContain(words);
    expect(blocker).toContain('take edit.example.com out of the tag hostsync:dns');
  }
});

const put = (type: 'A' | 'AAAA', address: string) => ({ action: 'UPSERT', type, address });
const drop = (type: 'A' | 'AAAA', address: string) => ({ action: 'DELETE', type, address, ttl: 300 });
const both = { A: '10.0.0.1', AAAA: '2001:db8::1' };

it.each<[string, { A?: string; AAAA?: string }, readonly ObservedRecord[], readonly object[]]>([
  ['there already', both, [ipv4], []],
  ['of both families, there already', both, [ipv4, ipv6], []],
  ['IPv6 in other letters', { AAAA: '2001:db8::1' }, [record('AAAA', ['2001:0DB8:0:0::0:1'])], []],
  [
    'IPv6 of another host',
    { AAAA: '2001:db8::1' },
    [record('AAAA', ['2001:db8::1:1'])],
    [put('AAAA', '2001:db8::1')],
  ],
  ['not there: IPv6 is not made known unasked', both, [], [put('A', '10.0.0.1')]],
  [
    'the IPv6 record is of the primary before',
    both,
    [ipv4, record('AAAA', ['2001:db8::9'])],
    [put('AAAA', '2001:db8::1')],
  ],
  ['with IPv6 alone', { AAAA: '2001:db8::1' }, [], [put('AAAA', '2001:db8::1')]],
  [
    'with IPv6 alone, after one with IPv4',
    { AAAA: '2001:db8::1' },
    [ipv4],
    [drop('A', '10.0.0.1'), put('AAAA', '2001:db8::1')],
  ],
  [
    'with IPv4 alone, after one with IPv6',
    { A: '10.0.0.1' },
    [ipv6],
    [put('A', '10.0.0.1'), drop('AAAA', '2001:db8::1')],
  ],
  ['of another host', both, [record('A', ['10.0.0.9'])], [put('A', '10.0.0.1')]],
])('a name leads to the primary and to nobody else: %s', (_name, wanted, records, expected) => {
  expect(recordChanges({ A: wanted.A, AAAA: wanted.AAAA }, records)).toEqual(expected);
});
