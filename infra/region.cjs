const { loadSharedConfigFiles } = require('@smithy/core/config');

/** The region, from where people set it, in the order of the AWS CLI. There is no default: a stack in a wrong region runs, and does nothing. */
module.exports = async ({ options }) => {
  const { AWS_REGION, AWS_DEFAULT_REGION, AWS_PROFILE } = process.env;
  const given = options.region || AWS_REGION || AWS_DEFAULT_REGION;
  if (given) return given;
  const profile = options['aws-profile'] || AWS_PROFILE || 'default';
  const { configFile } = await loadSharedConfigFiles();
  const region = configFile[profile]?.region;
  if (region) return region;
  const message = `no region is set: give one with --region, in AWS_REGION, or for the profile "${profile}" with aws configure set region REGION`;
  // The framework shows the stack, where there is one
  throw Object.assign(new Error(message), { stack: message });
};
