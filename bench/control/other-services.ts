import { createHash, randomUUID } from 'node:crypto';
import { AwsError } from 'local-cloud/api';
import * as v from 'valibot';
import type { Fleet } from './fleet.ts';
import { type FakeService, operation } from './server.ts';

const anything = v.looseObject({});
const nothing = operation(anything, () => ({}));
/** A list of the query protocol; the SDK sends an empty one as an empty text. */
const members = v.optional(
  v.union([
    v.pipe(
      v.literal(''),
      v.transform((): string[] => []),
    ),
    v.pipe(
      v.object({ member: v.array(v.string()) }),
      v.transform(({ member }) => member),
    ),
  ]),
  '',
);

/** Auto Scaling: every host is in service in its group, and only the primary is protected. */
export function autoScalingService(fleet: Fleet): FakeService {
  return {
    signingName: 'autoscaling',
    protocol: { kind: 'query', namespace: 'http://autoscaling.amazonaws.com/doc/2011-01-01/' },
    operations: {
      DescribeAutoScalingInstances: operation(v.object({ InstanceIds: members }), ({ InstanceIds }) => {
        if (InstanceIds.length > 50) throw new AwsError('ValidationError', 'at most 50 instances');
        return {
          AutoScalingInstances: InstanceIds.flatMap((id) => {
            const host = fleet.hosts.get(id);
            if (host === undefined) return [];
            return {
              InstanceId: id,
              AutoScalingGroupName: host.tags.get('aws:autoscaling:groupName'),
              AvailabilityZone: host.zone,
              LifecycleState: 'InService',
              HealthStatus: 'HEALTHY',
              ProtectedFromScaleIn: host.group.hosts[0] === host,
            };
          }),
        };
      }),
      SetInstanceProtection: nothing,
      RecordLifecycleActionHeartbeat: nothing,
      CompleteLifecycleAction: nothing,
    },
  };
}

export function eventBridgeService(): FakeService {
  return {
    signingName: 'events',
    protocol: { kind: 'json', version: '1.1', targetPrefix: 'AWSEvents' },
    operations: {
      PutEvents: operation(
        v.object({ Entries: v.pipe(v.array(anything), v.minLength(1), v.maxLength(10)) }),
        ({ Entries }) => ({ FailedEntryCount: 0, Entries: Entries.map(() => ({ EventId: randomUUID() })) }),
      ),
    },
  };
}

const message = { MessageBody: v.string(), MessageGroupId: v.optional(v.string()) };

export function sqsService(): FakeService {
  let sequence = 0;
  const taken = ({
    MessageBody,
    MessageGroupId,
  }: {
    MessageBody: string;
    MessageGroupId?: string | undefined;
  }) => ({
    MessageId: randomUUID(),
    MD5OfMessageBody: createHash('md5').update(MessageBody).digest('hex'),
    ...(MessageGroupId !== undefined && { SequenceNumber: String(++sequence).padStart(20, '0') }),
  });
  return {
    signingName: 'sqs',
    protocol: { kind: 'json', version: '1.0', targetPrefix: 'AmazonSQS' },
    operations: {
      SendMessage: operation(v.object({ QueueUrl: v.string(), ...message }), taken),
      SendMessageBatch: operation(
        v.object({
          QueueUrl: v.string(),
          Entries: v.pipe(v.array(v.object({ Id: v.string(), ...message })), v.minLength(1), v.maxLength(10)),
        }),
        ({ Entries }) => ({
          Successful: Entries.map((entry) => ({ Id: entry.Id, ...taken(entry) })),
          Failed: [],
        }),
      ),
    },
  };
}

export function snsService(): FakeService {
  return {
    signingName: 'sns',
    protocol: { kind: 'query', namespace: 'http://sns.amazonaws.com/doc/2010-03-31/' },
    operations: { Publish: operation(anything, () => ({ MessageId: randomUUID() })) },
  };
}

/** No host of the fleet is in a target group. */
export function loadBalancingService(): FakeService {
  return {
    signingName: 'elasticloadbalancing',
    protocol: { kind: 'query', namespace: 'http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/' },
    operations: {
      DescribeTargetHealth: operation(anything, () => ({ TargetHealthDescriptions: [] })),
      RegisterTargets: nothing,
      DeregisterTargets: nothing,
    },
  };
}

/** No zone has a record of the fleet. */
export function route53Service(): FakeService {
  const status = { Id: '/change/C0123456789', Status: 'PENDING', SubmittedAt: '2026-01-01T00:00:00Z' };
  return {
    signingName: 'route53',
    protocol: { kind: 'rest-xml', namespace: 'https://route53.amazonaws.com/doc/2013-04-01/' },
    operations: {
      ListResourceRecordSets: operation(anything, () => {
        return { ResourceRecordSets: {}, IsTruncated: false, MaxItems: 300 };
      }),
      ChangeResourceRecordSets: operation(anything, () => ({ ChangeInfo: status })),
    },
    route: (method) => ({
      operation: method === 'GET' ? 'ListResourceRecordSets' : 'ChangeResourceRecordSets',
      input: {},
    }),
  };
}
