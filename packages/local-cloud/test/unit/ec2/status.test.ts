import { DescribeInstanceStatusCommand, type DescribeInstanceStatusCommandInput } from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import type { LocalCloud } from '../../../src/cloud.ts';
import { clientsOf, sampleCloud } from '../sample-cloud.ts';

const statuses = async (cloud: LocalCloud, input: DescribeInstanceStatusCommandInput) =>
  (await clientsOf(cloud).ec2.send(new DescribeInstanceStatusCommand(input))).InstanceStatuses ?? [];

const ids = (count: number) =>
  Array.from({ length: count }, (_, index) => `i-0${index.toString(16).padStart(16, '0')}`);

describe('DescribeInstanceStatus', () => {
  test.each<[string, DescribeInstanceStatusCommandInput, string, RegExp]>([
    [
      '101 ids',
      { InstanceIds: ids(101) },
      'InvalidRequest',
      /^101 exceeds the maximum number of instance IDs that can be specificied \(100\)/,
    ],
    ['100 ids, of which none is there', { InstanceIds: ids(100) }, 'InvalidInstanceID.NotFound', /i-0/],
    [
      'ids and a page size',
      { InstanceIds: ids(1), MaxResults: 5 },
      'InvalidParameterCombination',
      /maxResults/,
    ],
    [
      '201 values of a filter',
      { Filters: [{ Name: 'availability-zone', Values: ids(201) }] },
      'FilterLimitExceeded',
      /maximum number of filter values specified on a single call is 200/,
    ],
  ])('refuses %s', async (_name, input, name, message) => {
    const cloud = await sampleCloud();
    await expect(statuses(cloud, input)).rejects.toMatchObject({
      name,
      message: expect.stringMatching(message),
    });
  });

  test('filters by what the checks have found', async () => {
    const cloud = await sampleCloud({ impairedSeconds: 0 });
    const [sick, well, stopped] = [await cloud.launch(), await cloud.launch(), await cloud.launch()];
    await sick.crash();
    await stopped.stop();
    const found = async (Name: string, value: string) =>
      (await statuses(cloud, { IncludeAllInstances: true, Filters: [{ Name, Values: [value] }] })).map(
        ({ InstanceId }) => InstanceId,
      );
    expect(await found('instance-status.reachability', 'failed')).toEqual([sick.id]);
    expect(await found('instance-status.reachability', 'passed')).toEqual([well.id]);
    expect(await found('system-status.reachability', 'passed')).toEqual([sick.id, well.id]);
    expect(await found('instance-status.status', 'not-applicable')).toEqual([stopped.id]);
    expect(await found('attached-ebs-status.status', 'ok')).toEqual([sick.id, well.id]);
    expect(await found('instance-state-name', 'stopped')).toEqual([stopped.id]);
    expect(await found('instance-state-code', '80')).toEqual([stopped.id]);
  });

  test('leaves out what does not run unless it is asked for', async () => {
    const cloud = await sampleCloud();
    const instance = await cloud.launch();
    await instance.stop();
    const InstanceIds = [instance.id];
    expect(await statuses(cloud, { InstanceIds })).toEqual([]);
    expect(await statuses(cloud, { InstanceIds, IncludeAllInstances: true })).toHaveLength(1);
  });
});
