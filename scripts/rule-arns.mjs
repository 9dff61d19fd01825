/**
 * Serverless plugin: where a policy of a queue has the condition `aws:SourceArn: EVERY_RULE`, puts the ARNs of all rules. The framework
 * makes their names, and shortens long ones, so no pattern would fit them all.
 */
export default class RuleArns {
  constructor(serverless) {
    this.hooks = {
      'after:aws:package:finalize:mergeCustomProviderResources': () => {
        const { Resources } = serverless.service.provider.compiledCloudFormationTemplate;
        const arns = Object.entries(Resources)
          .filter(([, { Type }]) => Type === 'AWS::Events::Rule')
          .map(([id]) => ({ 'Fn::GetAtt': [id, 'Arn'] }));
        for (const { Type, Properties } of Object.values(Resources)) {
          if (Type !== 'AWS::SQS::QueuePolicy') continue;
          for (const { Condition = {} } of Properties.PolicyDocument.Statement)
            for (const test of Object.values(Condition))
              if (test['aws:SourceArn'] === 'EVERY_RULE') test['aws:SourceArn'] = arns;
        }
      },
    };
  }
}
