import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accountDataIn, Scrubber } from '../../../verify/scrub.ts';

// A report is attached to a public issue: what it shows of an account cannot be taken back.
describe('what belongs to an account is taken out', () => {
  it.each([
    ['an instance', 'i-0123456789abcdef0 is gone', '<resource-1> is gone'],
    ['an account', 'in 111122223333', 'in <account-1>'],
    ['an ARN', 'to arn:aws:sns:eu-west-1:111122223333:alerts, and', 'to <arn-1> and'],
    ['an address', 'from 10.0.12.7 on', 'from <address-1> on'],
    ['an IPv6 address', 'from 2001:db8:0:1:2:3:4:5 on', 'from <address-1> on'],
    ['a name', 'at site-1.eu-west-1.elb.amazonaws.com!', 'at <name-1>!'],
    ['a mail', 'to ops@example.com now', 'to <mail-1> now'],
    ['a key', 'by AKIAIOSFODNN7EXAMPLE', 'by <key-1>'],
    ['a command', 'in 12345678-1234-4123-8123-123456789012', 'in <id-1>'],
  ])('%s', (_, text, expected) => {
    expect(new Scrubber().text(text)).toBe(expected);
  });

  it('times, figures, versions and words of AWS stay', () => {
    const text =
      '2026-11-27, 12.5 s, rsync 3.4.0, ThrottlingException: Rate exceeded, eu-central-1, 24000, 10:42:07';
    expect(new Scrubber(['my-profile']).text(text)).toBe(text);
  });

  it('the same host has the same word everywhere, another host another', () => {
    const scrubber = new Scrubber(['site-HostGroup-1AB', 'site']);
    const value = { hosts: ['i-0aaaaaaaaaaaaaaaa', 'i-0bbbbbbbbbbbbbbbb'], of: 'site-HostGroup-1AB' };
    expect(scrubber.value(value)).toEqual({
      hosts: ['<resource-1>', '<resource-2>'],
      of: '<private-1>',
    });
    expect(scrubber.text('i-0bbbbbbbbbbbbbbbb of site')).toBe('<resource-2> of <private-2>');
  });

  it('whatever a text is made of, nothing that is known stays in it', () => {
    const known = fc.constantFrom(
      '111122223333',
      'i-0123456789abcdef0',
      '10.1.2.3',
      'web-HostGroup',
      'ops@example.com',
    );
    const parts = fc.array(fc.oneof(known, fc.constantFrom(' ', ', ', ' | ', '\n', ' text ', '"', '(')));
    fc.assert(
      fc.property(parts, (words) => {
        const secrets = ['web-HostGroup', '111122223333'];
        expect(accountDataIn(new Scrubber(secrets).text(words.join('')), secrets)).toEqual([]);
      }),
    );
  });
});

it('what is still there is found before a report is written', () => {
  expect(accountDataIn('host i-0123456789abcdef0 in 111122223333 of mine', ['mine', 'x'])).toEqual([
    'i-0123456789abcdef0',
    '111122223333',
    'mine',
  ]);
});
