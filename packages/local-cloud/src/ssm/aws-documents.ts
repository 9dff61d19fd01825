import type { Account } from '../base/account.ts';
import { type CommandDocument, readDocument } from './document.ts';

/** The documents of AWS itself that are served. Source: the document AWS-RunShellScript, without its working directory. */
export function awsDocuments({ partition, region }: Account): readonly CommandDocument[] {
  const name = 'AWS-RunShellScript';
  return [
    readDocument({
      logicalId: name,
      name,
      arn: `arn:${partition}:ssm:${region}::document/${name}`,
      DocumentType: 'Command',
      Content: {
        schemaVersion: '2.2',
        parameters: {
          commands: { type: 'StringList', minItems: 1 },
          executionTimeout: { type: 'String', default: '3600', allowedPattern: '^[0-9]{1,6}$' },
        },
        mainSteps: [
          {
            action: 'aws:runShellScript',
            name: 'aws-runShellScript',
            inputs: { runCommand: '{{ commands }}', timeoutSeconds: '{{ executionTimeout }}' },
          },
        ],
      },
    }),
  ];
}
