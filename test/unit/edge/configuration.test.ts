import { expect, it } from 'vitest';
import { ConfigurationError, readConfiguration } from '../../../shared/edge/configuration.ts';

const environment = {
  HOSTSYNC_PUSH_DOCUMENT: 'hostsync-PushDocument-1',
  HOSTSYNC_JOIN_DOCUMENT: 'hostsync-JoinDocument-1',
  HOSTSYNC_PROMOTE_DOCUMENT: 'hostsync-PromoteDocument-1',
  HOSTSYNC_JOIN_TIMEOUT: '3600',
  HOSTSYNC_JOIN_FAILURE: 'ABANDON',
};

it('reads what the function needs and nothing else', () => {
  expect(readConfiguration('sync', { ...environment, PATH: '/bin' })).toEqual({
    ...environment,
    HOSTSYNC_JOIN_TIMEOUT: 3600,
  });
});

it.each([
  ['HOSTSYNC_PUSH_DOCUMENT', undefined, 'is missing'],
  ['HOSTSYNC_PUSH_DOCUMENT', '', '"" is not the name of an SSM document'],
  ['HOSTSYNC_JOIN_DOCUMENT', 'a b', '"a b" is not the name of an SSM document'],
  ['HOSTSYNC_PROMOTE_DOCUMENT', 'x', '"x" is not the name of an SSM document'],
  ['HOSTSYNC_JOIN_TIMEOUT', undefined, 'is missing'],
  ['HOSTSYNC_JOIN_TIMEOUT', '59', '59 is no whole number of seconds from 60 to 172800'],
  ['HOSTSYNC_JOIN_TIMEOUT', '172801', '172801 is no whole number of seconds from 60 to 172800'],
  ['HOSTSYNC_JOIN_TIMEOUT', '1h', '"1h" is no whole number of seconds from 60 to 172800'],
  ['HOSTSYNC_JOIN_FAILURE', 'abandon', '"abandon" is neither ABANDON nor CONTINUE'],
])('%s that is %j is named, with its value and the remedy', (name, value, problem) => {
  const read = () => readConfiguration('sync', { ...environment, [name]: value });
  expect(read).toThrow(ConfigurationError);
  expect(read).toThrow(`${name} ${problem}`);
  expect(read).toThrow('serverless deploy');
});

it('names all that is wrong at once', () => {
  for (const name of Object.keys(environment))
    expect(() => readConfiguration('sync', {})).toThrow(`${name} is missing`);
});
