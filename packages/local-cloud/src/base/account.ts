import { createHash, randomBytes, randomUUID } from 'node:crypto';

/** Where the local cloud says it is. The account id is one that AWS keeps for documentation. */
export interface Account {
  readonly accountId: string;
  readonly region: string;
  readonly partition: string;
}

export const documentationAccountId = '111122223333';

/** `arn:partition:service:region:account:resource`, of this account and region. */
export function arnOf(account: Account, service: string, resource: string): string {
  return `arn:${account.partition}:${service}:${account.region}:${account.accountId}:${resource}`;
}

export function instanceArn(account: Account, instanceId: string): string {
  return arnOf(account, 'ec2', `instance/${instanceId}`);
}

/** The name that CloudFormation would give: the same for the same stack, resource and definition. */
export function generatedName(stackName: string, logicalId: string, definition: unknown): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([stackName, logicalId, definition]))
    .digest('hex');
  return `${stackName}-${logicalId}-${digest.slice(0, 12).toUpperCase()}`;
}

/** An EC2 id such as `i-0…` (17 hexadecimal digits). */
export function ec2Id(prefix: 'i' | 'r' | 'eni' | 'eipalloc' | 'eipassoc'): string {
  return `${prefix}-0${randomBytes(8).toString('hex')}`;
}

export function requestId(): string {
  return randomUUID();
}

/** ISO 8601 in whole seconds, as in the envelope of an event. */
export function wholeSeconds(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

/** The time stamp of the JSON protocols: seconds since 1970, with decimals. */
export function epochSeconds(date: Date): number {
  return date.getTime() / 1000;
}
