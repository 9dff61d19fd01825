import type { Context } from 'aws-lambda';

/** The context that Lambda hands to a function. */
export const lambdaContext: Context = {
  callbackWaitsForEmptyEventLoop: true,
  functionName: 'hostsync-test-sync',
  functionVersion: '$LATEST',
  invokedFunctionArn: 'arn:aws:lambda:us-east-1:111122223333:function:hostsync-test-sync',
  memoryLimitInMB: '256',
  awsRequestId: '11111111-2222-3333-4444-555555555555',
  logGroupName: '/aws/lambda/hostsync-test-sync',
  logStreamName: '2026/11/22/[$LATEST]0',
  getRemainingTimeInMillis: () => 50_000,
  done: () => {},
  fail: () => {},
  succeed: () => {},
};

/** A scheduled event as EventBridge sends it. Source: EventBridge User Guide, "Scheduled Event". */
export function scheduledEvent(time: string) {
  return {
    version: '0',
    id: '53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa',
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    account: '111122223333',
    time,
    region: 'us-east-1',
    resources: ['arn:aws:events:us-east-1:111122223333:rule/my-schedule'],
    detail: {},
  };
}
