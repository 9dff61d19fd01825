import { describe, expect, it } from 'vitest';
import { awsProblems, loadAwsModels } from '../../../scripts/aws-commands.ts';

const models = await loadAwsModels();

describe('a reader at night who types a command of the AWS CLI', () => {
  it.each([
    ['aws ec2 create-tags --resources i-1 --tags Key=a,Value=b'],
    ['aws ssm list-command-invocations --instance-id i-1 --details --max-items 3'],
    [
      'aws autoscaling put-lifecycle-hook --auto-scaling-group-name WEB --lifecycle-hook-name h --heartbeat-timeout 300',
    ],
    ['aws lambda update-event-source-mapping --uuid UUID --enabled'],
    ['aws logs tail /aws/lambda/x --since 30m --filter-pattern \'{ $.group = "web" }\''],
    ['aws sns subscribe --topic-arn x --protocol email --notification-endpoint a@example.com'],
    ['aws ec2 stop-instances --no-force --instance-ids i-1 | tr --none'],
    ['what aws can do for you'],
  ])('can: %s', (text) => {
    expect(awsProblems(text, models)).toEqual([]);
  });

  it.each([
    ['aws ec2 make-tags --resources i-1', 'aws ec2 make-tags: AWS has no such command'],
    ['aws ec2 create-tags --resource i-1', 'aws ec2 create-tags --resource: AWS has no such option'],
    ['aws sqs receive-message --queue URL', 'aws sqs receive-message --queue: AWS has no such option'],
    ['aws none get-it --all', 'aws none get-it: AWS has no such command'],
    ['do `aws ssm get-connection --target i-1`', 'aws ssm get-connection: AWS has no such command'],
  ])('is not told to type %s', (text, problem) => {
    expect(awsProblems(text, models)).toEqual([problem]);
  });
});
