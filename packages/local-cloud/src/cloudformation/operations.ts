import * as v from 'valibot';
import { operation, type Service, text } from '../api/registry.ts';
import { type Account, arnOf } from '../base/account.ts';
import { AwsError } from '../base/errors.ts';
import type { ServicePackage } from './package.ts';

/** CloudFormation: the query protocol. There is one stack: the one that the package makes. */
export function cloudFormationService({ account, stackName, outputs }: ServicePackage): Service {
  const createdAt = new Date();
  const stackId = idOf(account, stackName);
  const describeStacks = operation({
    name: 'DescribeStacks',
    schema: v.strictObject({ StackName: v.optional(text(1, 2048)), NextToken: v.optional(text(1, 1024)) }),
    access: ({ StackName }) => [
      {
        action: 'cloudformation:DescribeStacks',
        resource: StackName === undefined ? '*' : idOf(account, StackName),
        context: {},
      },
    ],
    run({ StackName }) {
      if (StackName !== undefined && StackName !== stackName && StackName !== stackId)
        throw new AwsError('ValidationError', `Stack with id ${StackName} does not exist`);
      const Outputs = Object.entries(outputs).map(([OutputKey, value]) => ({
        ...{ OutputKey, OutputValue: String(value) },
      }));
      const CreationTime = createdAt.toISOString();
      return {
        Stacks: [
          { StackId: stackId, StackName: stackName, CreationTime, StackStatus: 'CREATE_COMPLETE', Outputs },
        ],
      };
    },
  });
  return {
    signingName: 'cloudformation',
    protocol: { kind: 'query', namespace: 'http://cloudformation.amazonaws.com/doc/2010-05-15/' },
    source: 'cloudformation/operations.ts',
    operations: [describeStacks],
  };
}

function idOf(account: Account, name: string): string {
  return arnOf(account, 'cloudformation', `stack/${name}/5e0ff5f0-0000-4000-8000-000000000000`);
}
