import { AwsError } from '../base/errors.ts';

export function isReserved(key: string): boolean {
  return key.toLowerCase().startsWith('aws:');
}

/** The limits of EC2 for tags that a user sets (UserGuide, Using_Tags). @throws AwsError */
export function checkTags(tags: readonly (readonly [string, string])[], metadataTags: boolean): void {
  const invalid = (message: string): AwsError => new AwsError('InvalidParameterValue', message);
  if (new Set(tags.map(([key]) => key)).size < tags.length)
    throw invalid('Duplicate tag keys were specified.');
  for (const [key, value] of tags) {
    if (isReserved(key)) throw invalid(`Tag keys starting with 'aws:' are reserved for internal use: ${key}`);
    if (key === '' || [...key].length > 127) throw invalid(`Tag key must have 1 to 127 characters: ${key}`);
    if ([...value].length > 256)
      throw invalid(`Tag value exceeds the maximum length of 256 characters: ${key}`);
    if (metadataTags && (/[ /]/.test(key) || ['.', '..', '_index'].includes(key))) {
      throw invalid(
        `'${key}' is not a valid tag key. Tag keys must not contain a space or /, with tags in instance metadata.`,
      );
    }
  }
}
