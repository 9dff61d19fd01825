import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { LocalCloud } from 'local-cloud';
import { sampleCloud } from '../../packages/local-cloud/test/unit/sample-cloud.ts';
import type { Memory } from '../../shared/aws/memory.ts';

/** As infra/storage.yml has it. */
export const tableResource = {
  Type: 'AWS::DynamoDB::Table',
  Properties: {
    TableName: 'hostsync-test',
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [
      { AttributeName: 'pk', AttributeType: 'S' },
      { AttributeName: 'sk', AttributeType: 'S' },
    ],
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
    TimeToLiveSpecification: { AttributeName: 'expires', Enabled: true },
  },
} as const;

/** An empty table that judges conditions as DynamoDB does; it goes when the test ends. */
export async function startTable(): Promise<Memory & { readonly cloud: LocalCloud }> {
  const cloud = await sampleCloud({ resources: { Memory: tableResource } });
  const dynamoDb = DynamoDBDocumentClient.from(new DynamoDBClient(cloud.clientConfig()));
  return { cloud, dynamoDb, table: 'hostsync-test' };
}
