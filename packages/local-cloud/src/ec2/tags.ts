import { AwsError } from '../base/errors.ts';
import type { Tags } from './instance.ts';

export function isReserved(key: string): boolean {
  return key.toLowerCase().startsWith('aws:');
}

/** Source: API reference of EC2, `Tag`. */
const longestKey = 127;
const longestValue = 256;

/** Source: EC2 User Guide, "Tag restrictions": tags of AWS itself do not count. */
const mostTags = 50;

/**
 * The limits of EC2 for each tag that a user sets.
 *
 * @param metadataTags whether they can be read in the instance metadata: EC2 User Guide, "View tags for your EC2 instances using instance metadata"
 * @throws AwsError InvalidParameterValue, in EC2's words as users have reported them
 */
export function checkTags(tags: readonly (readonly [string, string])[], metadataTags: boolean): void {
  const invalid = (message: string): AwsError => new AwsError('InvalidParameterValue', message);
  const keys = tags.map(([key]) => key);
  const twice = keys.find((key, index) => keys.indexOf(key) !== index);
  if (twice !== undefined) throw invalid(`Duplicate tag key '${twice}' specified.`);
  for (const [key, value] of tags) {
    checkReserved(key);
    if (key === '')
      throw invalid(`Value ( '' ) for parameter Tag key is invalid. Tag key cannot be null or empty.`);
    if ([...key].length > longestKey)
      throw invalid(`Tag key exceeds the maximum length of ${longestKey} characters`);
    if ([...value].length > longestValue)
      throw invalid(`Tag value exceeds the maximum length of ${longestValue} characters`);
    if (metadataTags && (!/^[0-9a-zA-Z\-_+=,.@:]{1,255}$/.test(key) || ['.', '..', '_index'].includes(key)))
      throw invalid(
        `'${key}' is not a valid tag key. Tag keys must match pattern ([0-9a-zA-Z\\-_+=,.@:]{1,255}), and must not be a reserved name ('.', '..', '_index')`,
      );
  }
}

/** The limits for all the tags that a resource is made with. @throws AwsError as `checkTags` and `checkTagLimit` */
export function checkNewTags(tags: Tags, metadataTags: boolean): void {
  checkTags([...tags], metadataTags);
  checkTagLimit(tags);
}

/** @throws AwsError when the key is one of AWS itself */
export function checkReserved(key: string): void {
  if (isReserved(key))
    throw new AwsError(
      'InvalidParameterValue',
      `Value ( ${key} ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use`,
    );
}

/** @throws AwsError TagLimitExceeded for all the tags of one resource */
export function checkTagLimit(tags: Tags): void {
  if ([...tags.keys()].filter((key) => !isReserved(key)).length > mostTags)
    throw new AwsError('TagLimitExceeded', 'The maximum number of Tags for a resource has been reached.');
}
