import { expect, it } from 'vitest';
import { ConfigurationError, readConfiguration } from '../../../shared/edge/configuration.ts';

it('reads what the function needs and nothing else', () => {
  expect(
    readConfiguration('sync', { HOSTSYNC_PUSH_DOCUMENT: 'hostsync-PushDocument-1', PATH: '/bin' }),
  ).toEqual({
    HOSTSYNC_PUSH_DOCUMENT: 'hostsync-PushDocument-1',
  });
});

it.each([
  ['missing', {}, 'HOSTSYNC_PUSH_DOCUMENT is missing'],
  ['empty', { HOSTSYNC_PUSH_DOCUMENT: '' }, 'HOSTSYNC_PUSH_DOCUMENT "" is not the name of an SSM document'],
  [
    'no name',
    { HOSTSYNC_PUSH_DOCUMENT: 'a b' },
    'HOSTSYNC_PUSH_DOCUMENT "a b" is not the name of an SSM document',
  ],
])('a variable that is %s is named, with its value and the remedy', (_name, environment, message) => {
  const read = () => readConfiguration('sync', environment);
  expect(read).toThrow(ConfigurationError);
  expect(read).toThrow(message);
  expect(read).toThrow('serverless deploy');
});
