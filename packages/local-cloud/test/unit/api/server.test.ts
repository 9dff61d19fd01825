import { DescribeInstancesCommand, DescribeVpcsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { EventBridgeClient, ListRulesCommand, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import {
  DescribeInstanceInformationCommand,
  ListDocumentsCommand,
  SendCommandCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { describe, expect, test } from 'vitest';
import type { LocalCloud } from '../../../src/cloud.ts';
import { clientsOf, sampleCloud } from '../sample-cloud.ts';

describe('a call that the local cloud does not serve', () => {
  test('fails, and settle() says so', async () => {
    const cloud = await sampleCloud();
    const { ec2, ssm, events } = clientsOf(cloud);
    await expect(ssm.send(new ListDocumentsCommand({}))).rejects.toThrow(
      /does not serve ssm:ListDocuments; add it to ssm\/operations.ts/,
    );
    await expect(ec2.send(new DescribeVpcsCommand({}))).rejects.toThrow(/does not serve ec2:DescribeVpcs/);
    await expect(events.send(new ListRulesCommand({}))).rejects.toThrow(/does not serve events:ListRules/);
    await expect(cloud.settle()).rejects.toThrow(/3 problem\(s\)[\s\S]*ssm:ListDocuments/);
    expect(cloud.calls({ operation: 'ListDocuments' })).toMatchObject([
      { caller: 'operator', service: 'ssm', outcome: { kind: 'error', code: 'UnknownOperationException' } },
    ]);
    await cloud.settle();
  });

  test('is reported by close() too', async () => {
    const cloud = await sampleCloud();
    await expect(clientsOf(cloud).ssm.send(new ListDocumentsCommand({}))).rejects.toThrow();
    await expect(cloud.close()).rejects.toThrow(/ssm:ListDocuments/);
  });

  test('so does a member that its schema does not have', async () => {
    const cloud = await sampleCloud();
    const input = { DocumentName: 'abc', InstanceIds: ['i-0ffffffffffffffff'], OutputS3BucketName: 'bucket' };
    await expect(clientsOf(cloud).ssm.send(new SendCommandCommand(input))).rejects.toThrow(
      /OutputS3BucketName/,
    );
    expect(cloud.takeProblems()).toMatchObject([{ kind: 'unserved' }]);
  });
});

describe('a request that AWS would refuse', () => {
  test.each([
    ['a short delivery timeout', { DocumentName: 'abc', TimeoutSeconds: 29 }],
    ['a long comment', { DocumentName: 'abc', Comment: 'x'.repeat(101) }],
    ['a bad document name', { DocumentName: 'a b' }],
    ['a bad instance id', { DocumentName: 'abc', InstanceIds: ['web-1'] }],
    [
      '51 instances',
      { DocumentName: 'abc', InstanceIds: Array.from({ length: 51 }, () => 'i-0ffffffffffffffff') },
    ],
  ])('is refused and recorded: %s', async (_name, input) => {
    const cloud = await sampleCloud();
    await expect(clientsOf(cloud).ssm.send(new SendCommandCommand(input))).rejects.toMatchObject({
      name: 'ValidationException',
    });
    expect(cloud.takeProblems()).toMatchObject([{ kind: 'invalid-request' }]);
  });

  test('credentials that nobody has given out', async () => {
    const cloud = await sampleCloud();
    const config = { ...cloud.clientConfig(), credentials: { accessKeyId: 'AKIAX', secretAccessKey: 'x' } };
    await expect(
      new SSMClient(config).send(new DescribeInstanceInformationCommand({})),
    ).rejects.toMatchObject({
      name: 'UnrecognizedClientException',
    });
    await expect(new EC2Client(config).send(new DescribeInstancesCommand({}))).rejects.toMatchObject({
      name: 'AuthFailure',
    });
  });

  test('another region', async () => {
    const cloud = await sampleCloud();
    const client = new SSMClient({ ...cloud.clientConfig(), region: 'us-east-2' });
    await expect(client.send(new DescribeInstanceInformationCommand({}))).rejects.toThrow(/us-east-2/);
    expect(cloud.takeProblems()).toHaveLength(1);
  });
});

describe('faults', () => {
  test('throttling: the SDK tries again, and every try is recorded', async () => {
    const cloud = await sampleCloud();
    const { ssm } = clientsOf(cloud);
    const fault = cloud.faults.throttle('ssm:DescribeInstanceInformation', 2);
    await ssm.send(new DescribeInstanceInformationCommand({}));
    expect(fault.struck).toBe(2);
    const outcomes = cloud.calls({ operation: 'DescribeInstanceInformation' }).map(({ outcome }) => outcome);
    expect(outcomes).toMatchObject([
      { code: 'ThrottlingException' },
      { code: 'ThrottlingException' },
      { kind: 'ok' },
    ]);
    cloud.faults.throttle('ec2:*');
    const once = new EC2Client({ ...cloud.clientConfig(), maxAttempts: 1 });
    await expect(once.send(new DescribeInstancesCommand({}))).rejects.toMatchObject({
      name: 'RequestLimitExceeded',
    });
  });

  test('a lost response: the call was carried out, and the SDK carries it out again', async () => {
    const cloud = await sampleCloud();
    cloud.faults.loseResponse('events:PutEvents');
    const entry = { Source: 'sample', DetailType: 'Test', Detail: '{}' };
    await clientsOf(cloud).events.send(new PutEventsCommand({ Entries: [entry] }));
    expect(cloud.calls({ operation: 'PutEvents' }).map(({ outcome }) => outcome.kind)).toEqual([
      'lost',
      'ok',
    ]);
    expect(cloud.events(({ event }) => event.source === 'sample')).toHaveLength(2);
  });
});

describe('a call that fails and was carried out all the same', () => {
  const entry = { Source: 'sample', DetailType: 'Test', Detail: '{}' };
  const put = (cloud: LocalCloud) =>
    clientsOf(cloud, undefined, 1).events.send(new PutEventsCommand({ Entries: [entry] }));
  const arrived = (cloud: LocalCloud) => cloud.events(({ event }) => event.source === 'sample').length;

  test('has had its effect, and one that fails otherwise has not', async () => {
    const cloud = await sampleCloud();
    cloud.faults.failCall('events:PutEvents', 'InternalException', { carriedOut: true });
    await expect(put(cloud)).rejects.toMatchObject({ name: 'InternalException' });
    expect(arrived(cloud)).toBe(1);
    cloud.faults.failCall('events:PutEvents', 'InternalException');
    await expect(put(cloud)).rejects.toMatchObject({ name: 'InternalException' });
    expect(arrived(cloud)).toBe(1);
  });

  test.each([
    ['events:PutEvents', 'AccessDeniedException'],
    ['ec2:CreateTags', 'RequestLimitExceeded'],
  ])('is not one of %s that was refused with %s', async (call, code) => {
    const cloud = await sampleCloud();
    expect(() => cloud.faults.failCall(call, code, { carriedOut: true })).toThrow('was not carried out');
  });

  test('a connection that breaks before has no effect, and no answer', async () => {
    const cloud = await sampleCloud();
    cloud.faults.resetConnection('events:PutEvents');
    await expect(put(cloud)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect([arrived(cloud), cloud.calls({ operation: 'PutEvents' })[0]?.outcome.kind]).toEqual([0, 'error']);
  });
});

describe('the query protocol, as SNS and STS speak it', () => {
  async function query(
    cloud: LocalCloud,
    service: string,
    fields: Record<string, string>,
    asFunction?: string,
  ) {
    const { endpoint, credentials } = cloud.clientConfig(asFunction);
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: {
        authorization: `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/20261122/eu-west-1/${service}/aws4_request, SignedHeaders=host, Signature=0`,
        'x-amz-security-token': credentials.sessionToken,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams(fields),
    });
    return { status: response.status, text: await response.text() };
  }

  test('who am I', async () => {
    const cloud = await sampleCloud();
    const { text } = await query(
      cloud,
      'sts',
      { Action: 'GetCallerIdentity', Version: '2011-06-15' },
      'SyncLambdaFunction',
    );
    expect(text).toMatch(
      /<GetCallerIdentityResult><Arn>arn:aws:sts::111122223333:assumed-role\/[^<]*\/sample-dev-sync<\/Arn>/,
    );
  });

  test('publish', async () => {
    const cloud = await sampleCloud({
      statements: [{ Effect: 'Allow', Action: 'sns:Publish', Resource: '*' }],
    });
    const TopicArn = `arn:aws:sns:eu-west-1:111122223333:${cloud.physicalName('Alerts')}`;
    const message = { Action: 'Publish', TopicArn, Message: 'a <b> & c', Subject: 'hello' };
    const attribute = {
      'MessageAttributes.entry.1.Name': 'kind',
      'MessageAttributes.entry.1.Value.DataType': 'String',
      'MessageAttributes.entry.1.Value.StringValue': 'test',
    };
    expect((await query(cloud, 'sns', { ...message, ...attribute }, 'SyncLambdaFunction')).text).toMatch(
      /<MessageId>/,
    );
    expect(cloud.messages()).toMatchObject([
      { message: 'a <b> & c', subject: 'hello', attributes: { kind: 'test' } },
    ]);
    const missing = await query(cloud, 'sns', { ...message, TopicArn: `${TopicArn}x` });
    expect(missing).toMatchObject({ status: 404, text: expect.stringContaining('<Code>NotFound</Code>') });
    const long = await query(cloud, 'sns', { ...message, Subject: 'two\nlines' });
    expect(long).toMatchObject({
      status: 400,
      text: expect.stringContaining('<Code>InvalidParameter</Code>'),
    });
    expect(cloud.takeProblems()).toMatchObject([{ kind: 'invalid-request' }]);
  });

  test('a service that is not there at all', async () => {
    const cloud = await sampleCloud();
    expect((await query(cloud, 'kms', { Action: 'Encrypt' })).text).toMatch(/does not serve kms/);
    expect(cloud.takeProblems()).toHaveLength(1);
  });
});

test('PutEvents judges each entry on its own', async () => {
  const cloud = await sampleCloud();
  const client = new EventBridgeClient(cloud.clientConfig());
  const answer = await client.send(
    new PutEventsCommand({
      Entries: [
        { Source: 'sample', DetailType: 'Good', Detail: '{"a":1}' },
        { Source: 'aws.ec2', DetailType: 'Forged', Detail: '{}' },
        { Source: 'sample', DetailType: 'Broken', Detail: '{' },
        { Source: 'sample', Detail: '{}' },
        { Source: 'sample', DetailType: 'Large', Detail: JSON.stringify({ a: 'x'.repeat(262_144) }) },
      ],
    }),
  );
  expect(answer.FailedEntryCount).toBe(4);
  expect(answer.Entries?.map(({ ErrorCode }) => ErrorCode)).toEqual([
    undefined,
    'NotAuthorizedForSourceException',
    'MalformedDetail',
    'InvalidArgument',
    'EntryTooLarge',
  ]);
  expect(cloud.events()).toMatchObject([
    { event: { 'detail-type': 'Good', detail: { a: 1 }, region: 'eu-west-1' } },
  ]);
});

test('PutEvents takes 256 KB a call and 128 characters of a detail type, whoever sends them', async () => {
  const cloud = await sampleCloud();
  const client = new EventBridgeClient(cloud.clientConfig());
  const entry = {
    Source: 'sample',
    DetailType: 'Half',
    Detail: JSON.stringify({ a: 'x'.repeat(140_000) }),
  };
  await client.send(new PutEventsCommand({ Entries: [entry] }));
  await expect(client.send(new PutEventsCommand({ Entries: [entry, entry] }))).rejects.toThrow(
    /over the limit/,
  );
  const long = { Source: 'sample', DetailType: 'x'.repeat(129), Detail: '{}' };
  await expect(client.send(new PutEventsCommand({ Entries: [long] }))).rejects.toThrow(/DetailType/);
  const eleven = Array.from({ length: 11 }, () => ({ ...long, DetailType: 'x' }));
  await expect(client.send(new PutEventsCommand({ Entries: eleven }))).rejects.toThrow(/Entries/);
  expect(cloud.takeProblems()).toHaveLength(3);
});
