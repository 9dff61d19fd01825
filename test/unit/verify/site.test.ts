import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parsePrimaryTags, secretTemplate, withPrefix } from '../../../verify/site.ts';

const template = readFileSync('examples/wordpress/template.yml', 'utf8');

it('next to another stage the site has the tags and hooks of its own, and nothing of the other', () => {
  const own = withPrefix(template, 'hostsync-verify');
  expect(own).toContain("{ Key: 'hostsync-verify:group', Value: !Ref Group, PropagateAtLaunch: true }");
  expect(own).toContain('LifecycleHookName: hostsync-verify-launch');
  expect(own).toContain('LifecycleHookName: hostsync-verify-terminate');
  expect(own).not.toMatch(/(?<!-verify)(?<=hostsync):[a-z]/u);
  // On the hosts the directory has one name, whatever the prefix
  expect(own).toContain('/etc/hostsync/hooks/after-promotion');
  expect(withPrefix(template, 'hostsync')).toBe(template);
});

it('a stack is made of it in one call: CloudFormation takes 51,200 bytes', () => {
  expect(Buffer.byteLength(withPrefix(template, 'hostsync-verify'))).toBeLessThan(51_200);
  expect(JSON.parse(secretTemplate)).toMatchObject({
    Resources: { Secret: { Type: 'AWS::SecretsManager::Secret' }, Queue: { Type: 'AWS::SQS::Queue' } },
    Outputs: { DatabaseSecret: { Value: { Ref: 'Secret' } }, QueueUrl: { Value: { Ref: 'Queue' } } },
  });
});

it('the tags of the first primary are those of the output, with what stands in quotation marks', () => {
  const text =
    'Key=hostsync:primary,Value=1 Key=hostsync:directories,Value="/srv/a /srv/b" Key=hostsync:exclude,Value="cache/ *.log" Key=hostsync:target-group,Value=arn:aws:x';
  expect([...parsePrimaryTags(text)]).toEqual([
    ['hostsync:primary', '1'],
    ['hostsync:directories', '/srv/a /srv/b'],
    ['hostsync:exclude', 'cache/ *.log'],
    ['hostsync:target-group', 'arn:aws:x'],
  ]);
  expect(() => parsePrimaryTags('')).toThrow('not understood');
  expect(() => parsePrimaryTags('Key=a,Value=1 and more')).toThrow('not understood');
});
