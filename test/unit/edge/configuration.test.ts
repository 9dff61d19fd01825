import { expect, it } from 'vitest';
import { ConfigurationError, readConfiguration } from '../../../shared/edge/configuration.ts';

const environment = {
  HOSTSYNC_PUSH_DOCUMENT: 'hostsync-PushDocument-1',
  HOSTSYNC_JOIN_DOCUMENT: 'hostsync-JoinDocument-1',
  HOSTSYNC_PROMOTE_DOCUMENT: 'hostsync-PromoteDocument-1',
  HOSTSYNC_LEAVE_DOCUMENT: 'hostsync-LeaveDocument-1',
  HOSTSYNC_RESCUE_DOCUMENT: 'hostsync-RescueDocument-1',
  HOSTSYNC_PROBE_DOCUMENT: 'hostsync-ProbeDocument-1',
  HOSTSYNC_INSTALL_ONE_DOCUMENT: 'hostsync-InstallOneDocument-1',
  HOSTSYNC_INSTALL_TWO_DOCUMENT: 'hostsync-InstallTwoDocument-1',
  HOSTSYNC_INSTALL_THREE_DOCUMENT: 'hostsync-InstallThreeDocument-1',
  HOSTSYNC_INSTALL_FOUR_DOCUMENT: 'hostsync-InstallFourDocument-1',
  HOSTSYNC_INSTALL_FIVE_DOCUMENT: 'hostsync-InstallFiveDocument-1',
  HOSTSYNC_JOIN_TIMEOUT: '3600',
  HOSTSYNC_JOIN_FAILURE: 'ABANDON',
  HOSTSYNC_REMIND_AFTER: '21600',
  HOSTSYNC_RESCUE_QUIET: '60',
  HOSTSYNC_GROUP_WAIT: '30',
  HOSTSYNC_GROUP_INTERVAL: '300',
  HOSTSYNC_BEHIND_AFTER: '300',
  HOSTSYNC_OVERRUN_AFTER: '60',
  HOSTSYNC_TICK_SECONDS: '60',
  HOSTSYNC_METRICS_BY_SECONDARY: 'false',
  HOSTSYNC_FAILOVER: 'auto',
  HOSTSYNC_FAILOVER_TICKS: '2',
  HOSTSYNC_PROMOTE_WITHIN: '900',
  HOSTSYNC_COOL_DOWN: '600',
  HOSTSYNC_HOSTED_ZONE: 'Z0123456789ABCDEFGHIJ',
  HOSTSYNC_TABLE: 'hostsync-prod',
};

it('reads what the function needs and nothing else', () => {
  expect(readConfiguration('reconcile', { ...environment, PATH: '/bin' })).toEqual({
    ...environment,
    HOSTSYNC_TAG_PREFIX: 'hostsync',
    HOSTSYNC_JOIN_TIMEOUT: 3600,
    HOSTSYNC_REMIND_AFTER: 21600,
    HOSTSYNC_RESCUE_QUIET: 60,
    HOSTSYNC_GROUP_WAIT: 30,
    HOSTSYNC_GROUP_INTERVAL: 300,
    HOSTSYNC_BEHIND_AFTER: 300,
    HOSTSYNC_OVERRUN_AFTER: 60,
    HOSTSYNC_TICK_SECONDS: 60,
    HOSTSYNC_METRICS_BY_SECONDARY: false,
    HOSTSYNC_FAILOVER_TICKS: 2,
    HOSTSYNC_PROMOTE_WITHIN: 900,
    HOSTSYNC_COOL_DOWN: 600,
  });
});

it.each(['arn:aws:sns:us-east-1:111122223333:hostsync', 'arn:aws-cn:sns:cn-north-1:111122223333:a_b-C'])(
  'the function alert takes %s as its topic',
  (topic) => {
    const read = readConfiguration('alert', { ...environment, HOSTSYNC_ALERT_TOPIC: topic });
    expect(read.HOSTSYNC_ALERT_TOPIC).toBe(topic);
  },
);

it.each([undefined, '', 'hostsync', 'arn:aws:sqs:us-east-1:111122223333:hostsync'])(
  'the function alert refuses %j: its messages would go nowhere',
  (topic) => {
    const read = () => readConfiguration('alert', { ...environment, HOSTSYNC_ALERT_TOPIC: topic });
    expect(read).toThrow('HOSTSYNC_ALERT_TOPIC');
  },
);

it.each([
  ['HOSTSYNC_PUSH_DOCUMENT', undefined, 'is missing'],
  ['HOSTSYNC_PUSH_DOCUMENT', '', '"" is not the name of an SSM document'],
  ['HOSTSYNC_JOIN_DOCUMENT', 'a b', '"a b" is not the name of an SSM document'],
  ['HOSTSYNC_PROMOTE_DOCUMENT', 'x', '"x" is not the name of an SSM document'],
  ['HOSTSYNC_TAG_PREFIX', 'aws', '"aws" must be 1 to 32 lower-case letters'],
  ['HOSTSYNC_JOIN_TIMEOUT', undefined, 'is missing'],
  ['HOSTSYNC_JOIN_TIMEOUT', '59', '59 must be a whole number of seconds from 60 to 172800'],
  ['HOSTSYNC_JOIN_TIMEOUT', '172801', '172801 must be a whole number of seconds from 60 to 172800'],
  ['HOSTSYNC_JOIN_TIMEOUT', '1h', '"1h" must be a whole number of seconds from 60 to 172800'],
  ['HOSTSYNC_JOIN_FAILURE', 'abandon', '"abandon" must be ABANDON or CONTINUE'],
  ['HOSTSYNC_REMIND_AFTER', '59', '59 must be a whole number of seconds from 60 to 604800'],
  ['HOSTSYNC_GROUP_WAIT', '3601', '3601 must be a whole number of seconds from 0 to 3600'],
  ['HOSTSYNC_GROUP_INTERVAL', '5m', '"5m" must be a whole number of seconds from 0 to 3600'],
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
  const read = () => readConfiguration('reconcile', { ...environment, [name]: value });
  expect(read).toThrow(ConfigurationError);
  expect(read).toThrow(`${name} ${problem}`);
  expect(read).toThrow('serverless deploy');
});

it.each([
  ['HOSTSYNC_QUEUE', 'lanes', '"lanes" is not the URL of an SQS queue'],
  ['HOSTSYNC_QUEUE', undefined, 'is missing'],
  ['HOSTSYNC_TABLE', 'a b', '"a b" is not the name of a DynamoDB table'],
])('sync: %s that is %j is named', (name, value, problem) => {
  const queue = 'https://sqs.us-east-1.amazonaws.com/111122223333/lanes.fifo';
  const read = () => readConfiguration('sync', { ...environment, HOSTSYNC_QUEUE: queue, [name]: value });
  expect(read).toThrow(`${name} ${problem}`);
});

it('reconcile works without a hosted zone: DNS is optional', () => {
  const read = readConfiguration('reconcile', { ...environment, HOSTSYNC_HOSTED_ZONE: '' });
  expect(read.HOSTSYNC_HOSTED_ZONE).toBe('');
});

it('names all that is wrong at once', () => {
  for (const name of Object.keys(environment))
    expect(() => readConfiguration('reconcile', {})).toThrow(`${name} is missing`);
});
