/**
 * The same with the prefix of the stage, in keys and values alike, at every depth. Text that is no tag is left as it is.
 *
 * @param {unknown} value a condition of IAM or a pattern of events
 * @param {string} prefix without the colon
 * @returns {unknown}
 */
export function withTagPrefix(value, prefix) {
  const rename = (text) => text.replace(/^((?:\w+:\w+\/)?)hostsync:/u, `$1${prefix}:`);
  if (typeof value === 'string') return rename(value);
  if (Array.isArray(value)) return value.map((each) => withTagPrefix(each, prefix));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [rename(key), withTagPrefix(each, prefix)]),
  );
}

/**
 * Serverless plugin: gives the tags in the roles' conditions and in the rules' patterns the prefix of the stage (setting `tag-prefix`). The
 * framework fills in no variable in a key, and the conditions of IAM have the tag there: `aws:ResourceTag/hostsync:group`.
 */
export default class TagPrefix {
  constructor(serverless) {
    this.hooks = {
      'after:aws:package:finalize:mergeCustomProviderResources': () => {
        const { compiledCloudFormationTemplate, environment } = serverless.service.provider;
        const prefix = environment.HOSTSYNC_TAG_PREFIX;
        for (const { Type, Properties } of Object.values(compiledCloudFormationTemplate.Resources)) {
          if (Type === 'AWS::Events::Rule' && Properties.EventPattern !== undefined)
            Properties.EventPattern = withTagPrefix(Properties.EventPattern, prefix);
          if (Type === 'AWS::IAM::Role')
            for (const { PolicyDocument } of Properties.Policies) renameIn(PolicyDocument.Statement, prefix);
        }
      },
    };
  }
}

/** Statements may stand in an `Fn::If`. */
function renameIn(statements, prefix) {
  for (const statement of statements) {
    const branches = statement['Fn::If']?.slice(1) ?? [statement];
    for (const branch of branches)
      if (branch.Condition !== undefined) branch.Condition = withTagPrefix(branch.Condition, prefix);
  }
}
