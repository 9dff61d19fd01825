import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

interface SampleStep {
  readonly name: string;
  readonly runCommand?: readonly string[];
  readonly precondition?: unknown;
}

/** What a test may change of the sample service. */
export interface SampleOptions {
  /** the source of functions/sync/handler.mjs */
  readonly handler?: string;
  /** the statements of the function's role, in addition to those for its log */
  readonly statements?: readonly unknown[];
  readonly functionProperties?: Readonly<Record<string, unknown>>;
  readonly invokeConfig?: Readonly<Record<string, unknown>>;
  readonly runCommand?: readonly string[] | string;
  /** of the document, instead of one with `runCommand` */
  readonly steps?: readonly SampleStep[];
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly timeoutSeconds?: string;
  readonly resources?: Readonly<Record<string, unknown>>;
}

const handler = `export const handler = async (event) => { console.log('hello'); return { got: event['detail-type'] }; };`;

/** A package as `serverless package` makes it, in a new directory: one function with a schedule, one document, one role. */
export async function samplePackage(options: SampleOptions = {}): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'sample-package-'));
  await writeFile(
    join(directory, 'serverless-state.json'),
    JSON.stringify({ service: { service: 'sample', provider: { stage: 'dev', region: 'eu-west-1' } } }),
  );
  await writeFile(
    join(directory, 'cloudformation-template-update-stack.json'),
    JSON.stringify(sampleTemplate(options)),
  );
  await writeFile(
    join(directory, 'sync.zip'),
    makeZip([['functions/sync/handler.mjs', options.handler ?? handler]]),
  );
  return directory;
}

export function sampleTemplate(options: SampleOptions = {}) {
  return {
    AWSTemplateFormatVersion: '2010-09-09',
    Resources: {
      ServerlessDeploymentBucket: { Type: 'AWS::S3::Bucket', Properties: {} },
      SyncLogGroup: {
        Type: 'AWS::Logs::LogGroup',
        Properties: { LogGroupName: '/aws/lambda/sample-dev-sync', RetentionInDays: 14 },
      },
      SyncLambdaFunction: {
        Type: 'AWS::Lambda::Function',
        Properties: {
          Code: {
            S3Bucket: { Ref: 'ServerlessDeploymentBucket' },
            S3Key: 'serverless/sample/dev/1-x/sync.zip',
          },
          Handler: 'functions/sync/handler.handler',
          Runtime: 'nodejs24.x',
          FunctionName: 'sample-dev-sync',
          MemorySize: 256,
          Timeout: 20,
          Architectures: ['arm64'],
          Environment: { Variables: { DOCUMENT: { Ref: 'PushDocument' }, TOPIC: { Ref: 'Alerts' } } },
          Role: { 'Fn::GetAtt': ['SyncRole', 'Arn'] },
          ...options.functionProperties,
        },
        DependsOn: ['SyncLogGroup', 'SyncRole'],
      },
      SyncLambdaVersion1: {
        Type: 'AWS::Lambda::Version',
        DeletionPolicy: 'Retain',
        Properties: { FunctionName: { Ref: 'SyncLambdaFunction' }, CodeSha256: 'x' },
      },
      SyncLambdaEvConf: {
        Type: 'AWS::Lambda::EventInvokeConfig',
        Properties: {
          FunctionName: { Ref: 'SyncLambdaFunction' },
          DestinationConfig: {},
          Qualifier: '$LATEST',
          MaximumEventAgeInSeconds: 60,
          MaximumRetryAttempts: 0,
          ...options.invokeConfig,
        },
      },
      SyncEventsRuleSchedule1: {
        Type: 'AWS::Events::Rule',
        Properties: {
          ScheduleExpression: 'rate(1 minute)',
          State: 'ENABLED',
          Targets: [{ Arn: { 'Fn::GetAtt': ['SyncLambdaFunction', 'Arn'] }, Id: 'syncSchedule' }],
        },
      },
      SyncLambdaPermissionEventsRuleSchedule1: {
        Type: 'AWS::Lambda::Permission',
        Properties: {
          FunctionName: { 'Fn::GetAtt': ['SyncLambdaFunction', 'Arn'] },
          Action: 'lambda:InvokeFunction',
          Principal: 'events.amazonaws.com',
          SourceArn: { 'Fn::GetAtt': ['SyncEventsRuleSchedule1', 'Arn'] },
        },
      },
      PushDocument: {
        Type: 'AWS::SSM::Document',
        Properties: {
          DocumentType: 'Command',
          Content: {
            schemaVersion: '2.2',
            parameters: options.parameters ?? {},
            mainSteps: (options.steps ?? [{ name: 'push' }]).map(({ name, runCommand, precondition }) => ({
              action: 'aws:runShellScript',
              name,
              ...(precondition !== undefined && { precondition }),
              inputs: {
                timeoutSeconds: options.timeoutSeconds ?? '60',
                runCommand: runCommand ?? options.runCommand ?? ['#!/bin/bash', 'echo pushed'],
              },
            })),
          },
        },
      },
      Alerts: { Type: 'AWS::SNS::Topic', Properties: {} },
      SyncRole: {
        Type: 'AWS::IAM::Role',
        Properties: {
          AssumeRolePolicyDocument: {
            Version: '2012-10-17',
            Statement: [
              { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' },
            ],
          },
          Policies: [
            {
              PolicyName: 'sync',
              PolicyDocument: {
                Version: '2012-10-17',
                Statement: [
                  {
                    Effect: 'Allow',
                    Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
                    Resource: {
                      'Fn::Sub':
                        // biome-ignore lint/suspicious/noTemplateCurlyInString: it is CloudFormation that fills it in
                        'arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/aws/lambda/sample-dev-sync:*',
                    },
                  },
                  ...(options.statements ?? []),
                ],
              },
            },
          ],
        },
      },
      ...options.resources,
    },
  };
}

/** A zip file whose entries are stored as they are. */
export function makeZip(files: readonly (readonly [name: string, content: string])[]): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of files) {
    const data = Buffer.from(content);
    const sizes = Buffer.alloc(12);
    sizes.writeUInt32LE(crc32(data), 0);
    sizes.writeUInt32LE(data.length, 4);
    sizes.writeUInt32LE(data.length, 8);
    const lengths = Buffer.alloc(4);
    lengths.writeUInt16LE(Buffer.byteLength(name), 0);
    const local = Buffer.concat([
      Buffer.from('504b0304140000000000000021', 'hex'),
      Buffer.alloc(1),
      sizes,
      lengths,
      Buffer.from(name),
      data,
    ]);
    const at = Buffer.alloc(4);
    at.writeUInt32LE(offset);
    directory.push(
      Buffer.concat([
        Buffer.from('504b010214001400000000000000210000', 'hex').subarray(0, 16),
        sizes,
        lengths,
        Buffer.alloc(10),
        at,
        Buffer.from(name),
      ]),
    );
    locals.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, central, end]);
}
