import { expect, it } from 'vitest';
import { ConfigurationError, readConfiguration } from '../../../shared/edge/configuration.ts';

const environment = {
  HOSTSYNC_PUSH_DOCUMENT: 'hostsync-PushDocument-1',
  HOSTSYNC_JOIN_DOCUMENT: 'hostsync-JoinDocument-1',
  HOSTSYNC_PROMOTE_DOCUMENT: 'hostsync-PromoteDocument-1',
  HOSTSYNC_LEAVE_DOCUMENT: 'hostsync-LeaveDocument-1',
  HOSTSYNC_RESCUE_DOCUMENT: 'hostsync-RescueDocument-1',
  HOSTSYNC_PROBE_DOCUMENT: 'hostsync-ProbeDocument-1',
  HOSTSYNC_JOIN_TIMEOUT: '3600',
  HOSTSYNC_JOIN_FAILURE: 'ABANDON',
  HOSTSYNC_REMIND_AFTER: '21600',
  HOSTSYNC_BEHIND_AFTER: '300',
  HOSTSYNC_OVERRUN_AFTER: '60',
  HOSTSYNC_METRICS_BY_SECONDARY: 'false',
  HOSTSYNC_FAILOVER: 'auto',
  HOSTSYNC_FAILOVER_TICKS: '2',
  HOSTSYNC_PROMOTE_WITHIN: '900',
  HOSTSYNC_COOL_DOWN: '600',
  HOSTSYNC_HOSTED_ZONE: 'Z0123456789ABCDEFGHIJ',
};

it('reads what the function needs and nothing else', () => {
  expect(readConfiguration('sync', { ...environment, PATH: '/bin' })).toEqual({
    ...environment,
    HOSTSYNC_JOIN_TIMEOUT: 3600,
    HOSTSYNC_REMIND_AFTER: 21600,
    HOSTSYNC_BEHIND_AFTER: 300,
    HOSTSYNC_OVERRUN_AFTER: 60,
    HOSTSYNC_METRICS_BY_SECONDARY: false,
    HOSTSYNC_FAILOVER_TICKS: 2,
    HOSTSYNC_PROMOTE_WITHIN: 900,
    HOSTSYNC_COOL_DOWN: 600,
  });
});

it.each(['arn:aws:sns:us-east-1:111122223333:hostsync', 'arn:aws-cn:sns:cn-north-1:111122223333:a_b-C'])(
  'the function alert takes %s as its topic',
  (topic) => {
    expect(readConfiguration('alert', { HOSTSYNC_ALERT_TOPIC: topic }).HOSTSYNC_ALERT_TOPIC).toBe(topic);
  },
);

it.each([undefined, '', 'hostsync', 'arn:aws:sqs:us-east-1:111122223333:hostsync'])(
  'the function alert refuses %j: its messages would go nowhere',
  (topic) => {
    expect(() => readConfiguration('alert', { HOSTSYNC_ALERT_TOPIC: topic })).toThrow('HOSTSYNC_ALERT_TOPIC');
  },
);

it.each([
  ['HOSTSYNC_PUSH_DOCUMENT', undefined, 'is missing'],
  ['HOSTSYNC_PUSH_DOCUMENT', '', '"" is not the name of an SSM document'],
  ['HOSTSYNC_JOIN_DOCUMENT', 'a b', '"a b" is not the name of an SSM document'],
  ['HOSTSYNC_PROMOTE_DOCUMENT', 'x', '"x" is not the name of an SSM document'],
  ['HOSTSYNC_JOIN_TIMEOUT', undefined, 'is missing'],
  ['HOSTSYNC_JOIN_TIMEOUT', '59', '59 must be a whole number of seconds from 60 to 172800'],
  ['HOSTSYNC_JOIN_TIMEOUT', '172801', '172801 must be a whole number of seconds from 60 to 172800'],
  ['HOSTSYNC_JOIN_TIMEOUT', '1h', '"1h" must be a whole number of seconds from 60 to 172800'],
  ['HOSTSYNC_JOIN_FAILURE', 'abandon', '"abandon" must be ABANDON or CONTINUE'],
  ['HOSTSYNC_REMIND_AFTER', '59', '59 must be a whole number of seconds from 60 to 604800'],
  ['HOSTSYNC_BEHIND_AFTER', '29', '29 must be a whole number of seconds from 30 to 86400'],
  ['HOSTSYNC_OVERRUN_AFTER', '9', '9 must be a whole number of seconds from 10 to 86400'],
  ['HOSTSYNC_METRICS_BY_SECONDARY', 'yes', '"yes" must be true or false'],
  ['HOSTSYNC_LEAVE_DOCUMENT', '', '"" is not the name of an SSM document'],
  ['HOSTSYNC_RESCUE_DOCUMENT', undefined, 'is missing'],
  ['HOSTSYNC_PROBE_DOCUMENT', 'a b', '"a b" is not the name of an SSM document'],
  ['HOSTSYNC_FAILOVER', 'on', '"on" must be auto or manual'],
  ['HOSTSYNC_FAILOVER_TICKS', '0', '0 must be a whole number of ticks from 1 to 60'],
  ['HOSTSYNC_FAILOVER_TICKS', '61', '61 must be a whole number of ticks from 1 to 60'],
  ['HOSTSYNC_PROMOTE_WITHIN', '29', '29 must be a whole number of seconds from 30 to 604800'],
  ['HOSTSYNC_COOL_DOWN', '86401', '86401 must be a whole number of seconds from 0 to 86400'],
  ['HOSTSYNC_HOSTED_ZONE', 'example.com', '"example.com" must be the id of a hosted zone'],
  ['HOSTSYNC_HOSTED_ZONE', undefined, 'is missing'],
])('%s that is %j is named, with its value and the remedy', (name, value, problem) => {
  const read = () => readConfiguration('sync', { ...environment, [name]: value });
  expect(read).toThrow(ConfigurationError);
  expect(read).toThrow(`${name} ${problem}`);
  expect(read).toThrow('serverless deploy');
});

it.each(['sync', 'primary-failure'] as const)('%s works without a hosted zone: DNS is optional', (name) => {
  const read = readConfiguration(name, { ...environment, HOSTSYNC_HOSTED_ZONE: '' });
  expect(read.HOSTSYNC_HOSTED_ZONE).toBe('');
});

it('names all that is wrong at once', () => {
  for (const name of Object.keys(environment))
    expect(() => readConfiguration('sync', {})).toThrow(`${name} is missing`);
});
