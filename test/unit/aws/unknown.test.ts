import { DescribeInstanceStatusCommand, EC2Client } from '@aws-sdk/client-ec2';
import {
  CancelCommandCommand,
  GetCommandInvocationCommand,
  GetConnectionStatusCommand,
  ListCommandInvocationsCommand,
  SendCommandCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { observeStatuses } from '../../../shared/aws/ec2.ts';
import { cancelPushes, observePush } from '../../../shared/aws/pushes.ts';
import { connectionOf, observeCommands, sendToKnown } from '../../../shared/aws/ssm.ts';
import { instanceId } from '../core/fixtures.ts';

// An answer that proves nothing is taken for "unknown"; a refusal never is taken for "not there".

const ssm = mockClient(SSMClient);
const ec2 = mockClient(EC2Client);
const client = new SSMClient({ region: 'us-east-1' });
const named = (name: string) => Object.assign(new Error(`${name}!`), { name });
beforeEach(() => {
  ssm.reset();
  ec2.reset();
});

describe.each(['InvocationDoesNotExist', 'InvalidCommandId', 'InvalidInstanceId'])('%s', (code) => {
  const command = { command: 'c-1', instance: instanceId(1) };

  it('for one command leaves what became of the others', async () => {
    ssm.on(GetCommandInvocationCommand, { CommandId: 'c-1' }).rejects(named(code));
    ssm.on(GetCommandInvocationCommand, { CommandId: 'c-2' }).resolves({ StatusDetails: 'Success' });
    ssm.on(ListCommandInvocationsCommand).rejects(named(code));
    const asked = [command, { ...command, command: 'c-2' }, { command: 'c-3', instance: undefined }];
    expect(await observeCommands(client, asked)).toMatchObject([{ command: 'c-2', status: 'succeeded' }]);
  });

  it('for a push that an event told of is unknown', async () => {
    ssm.on(GetCommandInvocationCommand).rejects(named(code));
    expect(await observePush(client, { ...command, requestedAt: 0 })).toBe('unknown');
  });
});

describe.each(['AccessDeniedException', 'ThrottlingException', 'InternalServerError', 'TimeoutError'])(
  '%s',
  (code) => {
    it('is an error where a result is asked for', async () => {
      ssm.on(GetCommandInvocationCommand).rejects(named(code));
      ssm.on(ListCommandInvocationsCommand).rejects(named(code));
      const command = { command: 'c-1', instance: instanceId(1) };
      await expect(observeCommands(client, [command])).rejects.toThrow(code);
      await expect(observeCommands(client, [{ ...command, instance: undefined }])).rejects.toThrow(code);
      await expect(observePush(client, { ...command, requestedAt: 0 })).rejects.toThrow(code);
    });

    it('leaves open whether SSM reaches an agent', async () => {
      ssm.on(GetConnectionStatusCommand).rejects(named(code));
      expect(await connectionOf(client, instanceId(1))).toEqual({ unknown: `${code}: ${code}!` });
    });

    it('for one push that is to be cancelled leaves no other running, and is reported', async () => {
      ssm.on(ListCommandInvocationsCommand).resolves({
        CommandInvocations: ['c-1', 'c-2', 'c-3'].map((CommandId) => ({ CommandId, DocumentName: 'push' })),
      });
      ssm.on(CancelCommandCommand, { CommandId: 'c-1' }).rejects(named(code));
      ssm.on(CancelCommandCommand, { CommandId: 'c-2' }).rejects(named('InvalidCommandId'));
      await expect(cancelPushes(client, 'push', instanceId(1))).rejects.toThrow(code);
      expect(ssm.commandCalls(CancelCommandCommand).length).toBe(3);
    });
  },
);

it('a push that has ended meanwhile needs no cancelling', async () => {
  ssm
    .on(ListCommandInvocationsCommand)
    .resolves({ CommandInvocations: [{ CommandId: 'c-1', DocumentName: 'push' }] });
  ssm.on(CancelCommandCommand).rejects(named('InvalidCommandId'));
  await expect(cancelPushes(client, 'push', instanceId(1))).resolves.toBeInstanceOf(Array);
});

it.each(['InvalidInstanceId', 'InvalidCommandId'])(
  'of a host that is gone (%s) there is no push to cancel',
  async (code) => {
    ssm.on(ListCommandInvocationsCommand).rejects(named(code));
    await expect(cancelPushes(client, 'push', instanceId(1))).resolves.toBeInstanceOf(Array);
  },
);

describe('a script for several hosts', () => {
  const send = (...numbers: number[]) =>
    sendToKnown(client, 'probe', numbers.map(instanceId), 'request', 'comment');
  beforeEach(() => {
    ssm.on(SendCommandCommand).callsFake(({ InstanceIds }) => {
      if (InstanceIds.includes(instanceId(2))) throw named('InvalidInstanceId');
      return { Command: { CommandId: `c-${InstanceIds.length}` } };
    });
  });

  it('is one command', async () => {
    expect(await send(1, 3)).toEqual([{ command: 'c-2', hosts: 2 }]);
  });

  it('runs on those that SSM knows: a host that went a moment ago stops no probe of a primary', async () => {
    expect(await send(1, 2, 3)).toEqual([
      { command: 'c-1', hosts: 1 },
      { command: 'c-1', hosts: 1 },
    ]);
    expect(await send(2)).toEqual([]);
  });

  it('that may not be run is an error', async () => {
    ssm.on(SendCommandCommand).rejects(named('AccessDeniedException'));
    await expect(send(1, 2)).rejects.toThrow('AccessDeniedException');
    expect(ssm.commandCalls(SendCommandCommand).length).toBe(1);
  });
});

describe('EC2’s status checks', () => {
  const statusOf = (id: string) => ({
    InstanceId: id,
    SystemStatus: { Status: 'ok' as const },
    InstanceStatus: { Status: 'ok' as const },
  });
  const observe = (count: number) =>
    observeStatuses(
      new EC2Client({ region: 'us-east-1' }),
      Array.from({ length: count }, (_, index) => instanceId(index + 1)),
    );

  it('are asked for 100 at a time', async () => {
    ec2.on(DescribeInstanceStatusCommand).callsFake(({ InstanceIds }) => {
      if (InstanceIds.length > 100) throw named('InvalidParameterValue');
      return { InstanceStatuses: InstanceIds.map(statusOf) };
    });
    expect((await observe(250)).length).toBe(250);
    expect(ec2.commandCalls(DescribeInstanceStatusCommand).length).toBe(3);
  });

  it('are known of the others when one instance is gone for good', async () => {
    ec2.on(DescribeInstanceStatusCommand).callsFake(({ InstanceIds }) => {
      if (InstanceIds.includes(instanceId(2))) throw named('InvalidInstanceID.NotFound');
      return { InstanceStatuses: InstanceIds.map(statusOf) };
    });
    expect((await observe(3)).map(({ id }) => id)).toEqual([instanceId(1), instanceId(3)]);
  });

  it('that may not be asked for are an error', async () => {
    ec2.on(DescribeInstanceStatusCommand).rejects(named('UnauthorizedOperation'));
    await expect(observe(2)).rejects.toThrow('UnauthorizedOperation');
  });
});
