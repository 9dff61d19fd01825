import * as v from 'valibot';
import { queryBoolean } from '../api/registry.ts';
import { AwsError } from '../base/errors.ts';
import type { Tags } from './instance.ts';

export const dryRun = v.optional(queryBoolean, 'false');
export const filter = v.strictObject({ Name: v.string(), Value: v.optional(v.array(v.string())) });

/** EC2 says so after it has judged the caller's role. @throws AwsError if the request is a dry run */
export function refuseDryRun(dry: boolean): void {
  if (dry)
    throw new AwsError('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.', 412);
}

/** The condition keys for the tags of a resource, under the service's own name and the global one. */
export function resourceTagContext(service: 'ec2' | 'ssm', tags: Tags): Readonly<Record<string, string>> {
  const own = service === 'ec2' ? 'ec2:ResourceTag' : 'ssm:resourceTag';
  return Object.fromEntries(
    [...tags].flatMap(([key, value]) => [
      [`${own}/${key}`, value],
      [`aws:ResourceTag/${key}`, value],
    ]),
  );
}
