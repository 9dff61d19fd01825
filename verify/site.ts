/** Names are fixed, so that a later run finds what a killed one left. */
export const names = {
  stage: 'verify',
  prefix: 'hostsync-verify',
  group: 'verify-live',
  secretStack: 'hostsync-verify-secret',
  siteStack: 'hostsync-verify-site',
} as const;

/** A database is not needed: what is measured are files, hosts and health checks, which ask none. The hosts want the secret when they start. The queue is for questions to SQS. */
export const secretTemplate = JSON.stringify({
  AWSTemplateFormatVersion: '2010-09-09',
  Description:
    'hostsync verify-live: a secret in place of that of a database, and a queue for questions. Remove them with npm run verify-live -- --clean',
  Resources: {
    Secret: {
      Type: 'AWS::SecretsManager::Secret',
      Properties: {
        GenerateSecretString: {
          SecretStringTemplate: '{"username":"wordpress"}',
          GenerateStringKey: 'password',
          ExcludePunctuation: true,
        },
      },
    },
    Queue: { Type: 'AWS::SQS::Queue', Properties: { FifoQueue: true, SqsManagedSseEnabled: true } },
  },
  Outputs: { DatabaseSecret: { Value: { Ref: 'Secret' } }, QueueUrl: { Value: { Ref: 'Queue' } } },
});

/** The template of examples/wordpress for another prefix of tags: its keys, and the names of hooks. */
export function withPrefix(template: string, prefix: string): string {
  return template
    .replaceAll(/\bhostsync:(?=[a-z])/gu, `${prefix}:`)
    .replaceAll(/\bhostsync-(?=(?:launch|terminate)\b)/gu, `${prefix}-`);
}

/** The output `PrimaryTags`, which is written for the AWS CLI: `Key=a,Value=1 Key=b,Value="x y"`. @throws {Error} for other texts */
export function parsePrimaryTags(text: string): ReadonlyMap<string, string> {
  const tags = new Map<string, string>();
  const rest = text.replaceAll(/\s*Key=([^,\s]+),Value=(?:"([^"]*)"|(\S*))/gu, (_, key, quoted, plain) => {
    tags.set(key, quoted ?? plain ?? '');
    return '';
  });
  if (tags.size === 0 || rest.trim() !== '') throw new Error(`PrimaryTags is not understood: ${text}`);
  return tags;
}
