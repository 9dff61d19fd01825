import * as v from 'valibot';
import { pageOf } from '../api/paging.ts';
import { integer, operation, type Service } from '../api/registry.ts';
import type { Account } from '../base/account.ts';
import { epochSeconds } from '../base/account.ts';
import type { AlarmView } from './alarms.ts';

/** CloudWatch: the states of the stack's alarms. */
export function cloudWatchService(account: Account, alarms: () => readonly AlarmView[]): Service {
  const describeAlarms = operation({
    name: 'DescribeAlarms',
    schema: v.strictObject({
      AlarmNames: v.optional(v.pipe(v.array(v.string()), v.maxLength(100))),
      AlarmNamePrefix: v.optional(v.pipe(v.string(), v.minLength(1))),
      StateValue: v.optional(v.picklist(['OK', 'ALARM', 'INSUFFICIENT_DATA'])),
      MaxRecords: v.optional(integer(1, 100), 50),
      NextToken: v.optional(v.string()),
    }),
    // Of one alarm it may be narrowed; of all that begin alike it may not. Source: Service Authorization Reference, CloudWatch
    access: () => [
      {
        action: 'cloudwatch:DescribeAlarms',
        resource: '*',
        context: { 'aws:RequestedRegion': account.region },
      },
    ],
    run({ NextToken, MaxRecords, ...request }) {
      const { AlarmNames, AlarmNamePrefix = '', StateValue } = request;
      const found = alarms().filter(
        ({ name, state }) =>
          (AlarmNames === undefined || AlarmNames.includes(name)) &&
          name.startsWith(AlarmNamePrefix) &&
          (StateValue === undefined || state === StateValue),
      );
      const page = pageOf(found, MaxRecords, NextToken, request);
      return { MetricAlarms: page.items.map(describe), NextToken: page.nextToken };
    },
  });
  return {
    signingName: 'monitoring',
    protocol: { kind: 'json', version: '1.0', targetPrefix: 'GraniteServiceVersion20100801' },
    source: 'cloudwatch/alarm-operations.ts',
    operations: [describeAlarms],
  };
}

function describe({ name, arn, properties, state, reason, changedAt }: AlarmView): unknown {
  return {
    AlarmName: name,
    AlarmArn: arn,
    AlarmDescription: properties.AlarmDescription,
    ActionsEnabled: true,
    AlarmActions: properties.AlarmActions,
    StateValue: state,
    StateReason: reason,
    StateUpdatedTimestamp: epochSeconds(changedAt),
  };
}
