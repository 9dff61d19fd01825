import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { encodeRequest } from '../../../shared/aws/ssm.ts';
import {
  encodedLength,
  formatPushRequest,
  maximumRequestLength,
} from '../../../shared/core/model/request.ts';

/** Public keys as ssh-keygen prints them, from random bytes. */
const keys = {
  'ssh-ed25519': () => key('0000000b7373682d6564323535313900000020', 32),
  'ecdsa-sha2-nistp256': () =>
    key('0000001365636473612d736861322d6e69737470323536000000086e6973747032353600000041', 65),
  'ssh-rsa': () => key('000000077373682d727361000000030100010000', 386),
} as const;
const key = (head: string, bytes: number) =>
  Buffer.concat([Buffer.from(head, 'hex'), randomBytes(bytes)]).toString('base64');

function requestFor(count: number, type: keyof typeof keys, excludes = 0): string {
  return formatPushRequest({
    ...{ group: 'web', epoch: 1_790_000_000, directories: ['/var/www/html/uploads'], options: new Map() },
    excludes: Array.from({ length: excludes }, () => `/${randomBytes(100).toString('base64')}`),
    secondaries: Array.from({ length: count }, () => ({
      ...{ id: `i-0${randomBytes(8).toString('hex')}`, port: 22, hostKey: `${type} ${keys[type]()}` },
      address: [...randomBytes(4)].join('.'),
    })),
  });
}

it.each<[number, keyof typeof keys, number]>([
  [1, 'ssh-ed25519', 0],
  [20, 'ssh-ed25519', 0],
  [500, 'ssh-ed25519', 0],
  [200, 'ecdsa-sha2-nistp256', 0],
  [80, 'ssh-rsa', 0],
  [3, 'ssh-ed25519', 200],
])(
  'a request for %i secondaries with keys of %s is not longer than the core expects, and not much shorter',
  (count, type, excludes) => {
    const request = requestFor(count, type, excludes);
    const length = encodeRequest(request).length;
    expect(length).toBeLessThanOrEqual(encodedLength(request));
    expect(encodedLength(request)).toBeLessThan(length * 1.5 + 300);
  },
);

it('500 secondaries with their keys fit', () => {
  expect(encodedLength(requestFor(500, 'ssh-ed25519'))).toBeLessThanOrEqual(maximumRequestLength);
});
