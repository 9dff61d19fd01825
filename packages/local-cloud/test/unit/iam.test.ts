import { CreateTagsCommand, DeleteTagsCommand, DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import { PutEventsCommand } from '@aws-sdk/client-eventbridge';
import {
  DescribeInstanceInformationCommand,
  PutParameterCommand,
  SendCommandCommand,
} from '@aws-sdk/client-ssm';
import { describe, expect, test } from 'vitest';
import { clientsOf, sampleCloud } from './sample-cloud.ts';

const anyInstance = 'arn:aws:ec2:eu-west-1:111122223333:instance/*';
const anyDocument = 'arn:aws:ssm:eu-west-1:111122223333:document/sample-dev-PushDocument-*';

describe('a call in the role of a function', () => {
  test('that the role does not allow is denied with the words of AWS, and settle() says so', async () => {
    const cloud = await sampleCloud();
    const { ec2, ssm } = clientsOf(cloud, 'SyncLambdaFunction');
    const role = cloud.physicalName('SyncRole');
    await expect(ssm.send(new DescribeInstanceInformationCommand({}))).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: `User: arn:aws:sts::111122223333:assumed-role/${role}/sample-dev-sync is not authorized to perform: ssm:DescribeInstanceInformation on resource: * because no identity-based policy allows the ssm:DescribeInstanceInformation action`,
    });
    await expect(ec2.send(new DescribeInstancesCommand({}))).rejects.toMatchObject({
      name: 'UnauthorizedOperation',
    });
    await expect(cloud.settle()).rejects.toThrow(/denied: User: .*ssm:DescribeInstanceInformation/);
    expect(cloud.calls({ caller: 'SyncLambdaFunction' })).toHaveLength(2);
  });

  test.each([
    ['arn:aws:ssm:eu-west-1:*:document/AWS-RunShellScript', true],
    ['arn:aws:ssm:eu-west-1:111122223333:document/AWS-RunShellScript', false],
  ])('a document of AWS itself belongs to no account: with %s, %s', async (Resource, allowed) => {
    const cloud = await sampleCloud({
      statements: [{ Effect: 'Allow', Action: 'ssm:SendCommand', Resource: [Resource, anyInstance] }],
    });
    const { ssm } = clientsOf(cloud, 'SyncLambdaFunction');
    const { id } = await cloud.launch();
    const sent = ssm.send(
      new SendCommandCommand({
        DocumentName: 'AWS-RunShellScript',
        InstanceIds: [id],
        Parameters: { commands: ['true'] },
      }),
    );
    if (allowed) await sent;
    else await expect(sent).rejects.toThrow('document/AWS-RunShellScript');
    cloud.takeProblems();
  });

  test('SendCommand needs the document and each instance, with a condition on its tags', async () => {
    const cloud = await sampleCloud({
      statements: [
        { Effect: 'Allow', Action: 'ssm:SendCommand', Resource: anyDocument },
        {
          Effect: 'Allow',
          Action: 'ssm:SendCommand',
          Resource: anyInstance,
          Condition: { Null: { 'ssm:resourceTag/sample:primary': 'false' } },
        },
      ],
    });
    const { ssm } = clientsOf(cloud, 'SyncLambdaFunction');
    const primary = await cloud.launch({ tags: { 'sample:primary': '1' } });
    const other = await cloud.launch();
    const DocumentName = cloud.physicalName('PushDocument');
    await ssm.send(new SendCommandCommand({ DocumentName, InstanceIds: [primary.id] }));
    await expect(
      ssm.send(new SendCommandCommand({ DocumentName, InstanceIds: [primary.id, other.id] })),
    ).rejects.toThrow(new RegExp(`ssm:SendCommand on resource: .*instance/${other.id}`));
    cloud.takeProblems();
    await expect(
      ssm.send(new SendCommandCommand({ DocumentName: 'another', InstanceIds: [primary.id] })),
    ).rejects.toThrow(/document\/another/);
    expect(cloud.takeProblems()).toMatchObject([{ kind: 'denied' }]);
    await cloud.settle();
    expect(cloud.commands()).toHaveLength(1);
  });

  test('a command to a tag runs where the role allows it, and is AccessDenied elsewhere', async () => {
    const cloud = await sampleCloud({
      statements: [
        { Effect: 'Allow', Action: 'ssm:SendCommand', Resource: anyDocument },
        {
          Effect: 'Allow',
          Action: 'ssm:SendCommand',
          Resource: anyInstance,
          Condition: { StringEquals: { 'aws:ResourceTag/may': 'yes' } },
        },
      ],
    });
    await cloud.launch({ tags: { 'sample:group': 'web', may: 'yes' } });
    await cloud.launch({ tags: { 'sample:group': 'web' } });
    const Targets = [{ Key: 'tag:sample:group', Values: ['web'] }];
    const { ssm } = clientsOf(cloud, 'SyncLambdaFunction');
    await ssm.send(new SendCommandCommand({ DocumentName: cloud.physicalName('PushDocument'), Targets }));
    await cloud.settle();
    expect(cloud.commands()[0]?.invocations.map(({ statusDetails }) => statusDetails)).toEqual([
      'Success',
      'AccessDenied',
    ]);
  });

  test('tags: keys of the request, and that a DeleteTags without tags is not let through', async () => {
    const cloud = await sampleCloud({
      statements: [
        {
          Effect: 'Allow',
          Action: ['ec2:CreateTags', 'ec2:DeleteTags'],
          Resource: anyInstance,
          Condition: {
            StringEquals: { 'ec2:ResourceTag/sample:group': 'web' },
            'ForAllValues:StringEquals': { 'aws:TagKeys': ['sample:state', 'sample:epoch'] },
            Null: { 'aws:TagKeys': 'false' },
          },
        },
      ],
    });
    const { ec2 } = clientsOf(cloud, 'SyncLambdaFunction');
    const { id, ...rest } = await cloud.launch({ tags: { 'sample:group': 'web' } });
    expect(rest).toBeDefined();
    const Resources = [id];
    await ec2.send(new CreateTagsCommand({ Resources, Tags: [{ Key: 'sample:state', Value: 'joining' }] }));
    await ec2.send(new DeleteTagsCommand({ Resources, Tags: [{ Key: 'sample:state' }] }));
    const denied = [
      () => ec2.send(new CreateTagsCommand({ Resources, Tags: [{ Key: 'sample:primary', Value: '2' }] })),
      () => ec2.send(new DeleteTagsCommand({ Resources })),
    ];
    for (const call of denied) await expect(call()).rejects.toMatchObject({ name: 'UnauthorizedOperation' });
    expect(cloud.takeProblems()).toHaveLength(2);
  });

  test('a parameter that may be written once only', async () => {
    const cloud = await sampleCloud({
      statements: [
        {
          Effect: 'Allow',
          Action: 'ssm:PutParameter',
          Resource: 'arn:aws:ssm:eu-west-1:111122223333:parameter/sample/*/epochs/*',
          Condition: { StringEquals: { 'ssm:Overwrite': 'false' } },
        },
      ],
    });
    const { ssm } = clientsOf(cloud, 'SyncLambdaFunction');
    const input = { Name: '/sample/web/epochs/2', Value: 'x', Type: 'String' as const };
    await ssm.send(new PutParameterCommand({ ...input, Overwrite: false }));
    await expect(ssm.send(new PutParameterCommand({ ...input, Overwrite: true }))).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
    expect(cloud.takeProblems()).toHaveLength(1);
  });

  test('the operator may do everything', async () => {
    const cloud = await sampleCloud();
    const Entries = [{ Source: 'x', DetailType: 'y', Detail: '{}' }];
    await clientsOf(cloud).events.send(new PutEventsCommand({ Entries }));
    expect(cloud.problems()).toEqual([]);
  });
});

describe('before anything runs', () => {
  test.each<[string, unknown, RegExp]>([
    [
      'an action that does not exist',
      { Effect: 'Allow', Action: 'ssm:RunCommand', Resource: '*' },
      /ssm:RunCommand/,
    ],
    ['a broken statement', { Effect: 'Allow', Actions: 'ssm:SendCommand', Resource: '*' }, /Actions/],
    [
      'a condition operator that does not exist',
      {
        Effect: 'Allow',
        Action: 'ssm:SendCommand',
        Resource: '*',
        Condition: { StringIs: { 'aws:TagKeys': 'x' } },
      },
      /StringIs/,
    ],
  ])('%s in a policy stops the start', async (_name, statement, message) => {
    await expect(sampleCloud({ statements: [statement] })).rejects.toThrow(message);
  });

  test('a role that Lambda may not assume stops the start', async () => {
    const SyncRole = {
      Type: 'AWS::IAM::Role',
      Properties: {
        AssumeRolePolicyDocument: {
          Version: '2012-10-17',
          Statement: [
            { Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' },
          ],
        },
      },
    };
    await expect(sampleCloud({ resources: { SyncRole } })).rejects.toThrow(/lambda.amazonaws.com/);
  });

  test('a function that cannot write its log is a problem', async () => {
    const cloud = await sampleCloud({ functionProperties: { FunctionName: 'renamed' } });
    expect(cloud.takeProblems().map(({ kind }) => kind)).toEqual(['denied', 'unserved']);
  });
});
