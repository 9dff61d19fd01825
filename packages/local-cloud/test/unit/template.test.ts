// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is CloudFormation that fills them in
import { describe, expect, test } from 'vitest';
import { LocalCloudError } from '../../src/base/errors.ts';
import type { Json } from '../../src/base/json.ts';
import { parseJson } from '../../src/base/json.ts';
import { readStack } from '../../src/cloudformation/stack.ts';
import { evaluateTemplate } from '../../src/cloudformation/template.ts';
import { sampleTemplate } from './sample-package.ts';

const account = { accountId: '111122223333', region: 'eu-west-1', partition: 'aws' };

function evaluate(value: Json, more: Record<string, Json> = {}, parameters: Record<string, string> = {}) {
  const template = {
    Parameters: {
      Rate: { Type: 'String', Default: '5' },
      Zones: { Type: 'CommaDelimitedList', Default: 'a,b' },
    },
    Conditions: {
      IsFive: { 'Fn::Equals': [{ Ref: 'Rate' }, '5'] },
      NotFive: { 'Fn::Not': [{ Condition: 'IsFive' }] },
      Both: { 'Fn::And': [{ Condition: 'IsFive' }, { Condition: 'NotFive' }] },
      Either: { 'Fn::Or': [{ Condition: 'IsFive' }, { Condition: 'NotFive' }] },
    },
    Resources: {
      Topic: { Type: 'AWS::SNS::Topic', Properties: { TopicName: 'alerts' } },
      Role: { Type: 'AWS::IAM::Role', Properties: { RoleName: { 'Fn::Sub': 'role-${AWS::Region}' } } },
      Gone: { Type: 'AWS::SNS::Topic', Condition: 'NotFive' },
    },
    Outputs: { Value: { Value: value } },
    ...more,
  };
  return evaluateTemplate(template, { account, stackName: 'stack', parameters }).outputs['Value'];
}

describe('an intrinsic function gives what CloudFormation would', () => {
  test.each<[string, Json, Json]>([
    ['a parameter by default', { Ref: 'Rate' }, '5'],
    ['a list parameter', { Ref: 'Zones' }, ['a', 'b']],
    ['Ref of a topic is its ARN', { Ref: 'Topic' }, 'arn:aws:sns:eu-west-1:111122223333:alerts'],
    ['Ref of a role is its name', { Ref: 'Role' }, 'role-eu-west-1'],
    ['GetAtt as a list', { 'Fn::GetAtt': ['Role', 'Arn'] }, 'arn:aws:iam::111122223333:role/role-eu-west-1'],
    ['GetAtt as a text', { 'Fn::GetAtt': 'Topic.TopicName' }, 'alerts'],
    ['Sub', { 'Fn::Sub': '${Rate} ${Topic.TopicName} ${AWS::StackName} ${!HOME}' }, '5 alerts stack ${HOME}'],
    [
      'Sub with variables',
      { 'Fn::Sub': ['${A}-${Rate}', { A: { Ref: 'AWS::AccountId' } }] },
      '111122223333-5',
    ],
    ['Join', { 'Fn::Join': ['-', ['a', { Ref: 'Rate' }]] }, 'a-5'],
    ['Split and Select', { 'Fn::Select': ['1', { 'Fn::Split': ['.', 'a.b.c'] }] }, 'b'],
    ['If that holds', { 'Fn::If': ['IsFive', 'yes', 'no'] }, 'yes'],
    ['If that does not', { 'Fn::If': ['NotFive', 'yes', 'no'] }, 'no'],
    ['And', { 'Fn::If': ['Both', 1, 2] }, 2],
    ['Or', { 'Fn::If': ['Either', 1, 2] }, 1],
    ['NoValue takes its member away', { a: { Ref: 'AWS::NoValue' }, b: 1 }, { b: 1 }],
    ['NoValue takes its item away', [{ Ref: 'AWS::NoValue' }, 1], [1]],
    ['pseudo parameters', [{ Ref: 'AWS::Partition' }, { Ref: 'AWS::URLSuffix' }], ['aws', 'amazonaws.com']],
  ])('%s', (_name, value, expected) => {
    expect(evaluate(value)).toEqual(expected);
  });

  test('a parameter that is given', () => {
    expect(evaluate({ 'Fn::If': ['IsFive', 'yes', 'no'] }, {}, { Rate: '6' })).toBe('no');
  });
});

describe('what cannot be evaluated is refused with its name', () => {
  test.each<[string, Json, RegExp]>([
    ['an import', { 'Fn::ImportValue': 'x' }, /ImportValue/],
    ['an unknown function', { 'Fn::Cidr': [] }, /Fn::Cidr/],
    ['a Ref to nothing', { Ref: 'Nobody' }, /Nobody/],
    ['a Ref to a resource whose condition does not hold', { Ref: 'Gone' }, /Gone/],
    ['an unknown attribute', { 'Fn::GetAtt': ['Topic', 'Colour'] }, /Colour/],
    ['an unknown condition', { 'Fn::If': ['Nope', 1, 2] }, /Nope/],
  ])('%s', (_name, value, message) => {
    expect(() => evaluate(value)).toThrow(message);
    expect(() => evaluate(value)).toThrow(LocalCloudError);
  });

  test('a resource type that nobody knows', () => {
    const Resources = { Pipe: { Type: 'AWS::Pipes::Pipe' } };
    expect(() => evaluate('x', { Resources })).toThrow(/AWS::Pipes::Pipe \(Pipe\)/);
  });

  test('a parameter without a value', () => {
    const Parameters = { Needed: { Type: 'String' } };
    expect(() => evaluate({ Ref: 'Needed' }, { Parameters, Conditions: {}, Resources: {} })).toThrow(
      /Needed/,
    );
  });

  test('a value for a parameter that is not there', () => {
    expect(() => evaluate('x', {}, { Typo: '1' })).toThrow(/Typo/);
  });
});

describe('the stack of a packaged service', () => {
  const stackOf = (template: unknown) => {
    const parsed = parseJson(JSON.stringify(template));
    return readStack(evaluateTemplate(parsed, { account, stackName: 'sample-dev', parameters: {} }), account);
  };

  test('has its functions, rules and documents; a document without a name gets one', () => {
    const stack = stackOf(sampleTemplate());
    expect(stack.functions).toHaveLength(1);
    expect(stack.functions[0]?.Environment?.Variables['DOCUMENT']).toMatch(
      /^sample-dev-PushDocument-[0-9A-F]{12}$/,
    );
    expect(stack.rules[0]?.ScheduleExpression).toBe('rate(1 minute)');
    expect(stack.documents[0]?.arn).toMatch(
      /^arn:aws:ssm:eu-west-1:111122223333:document\/sample-dev-PushDocument-/,
    );
  });

  test('a changed script is a new document', () => {
    const name = (line: string) => stackOf(sampleTemplate({ runCommand: [line] })).documents[0]?.name;
    expect(name('true')).not.toBe(name('false'));
    expect(name('true')).toBe(name('true'));
  });

  test('a property that the local cloud does not know is refused', () => {
    const template = sampleTemplate({ functionProperties: { SnapStart: { ApplyOn: 'PublishedVersions' } } });
    expect(() => stackOf(template)).toThrow(/SyncLambdaFunction.*SnapStart/);
  });
});
