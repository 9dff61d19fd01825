import * as v from 'valibot';

/** What a schema found wrong: each field with its value and the reason. */
export function describeIssues(issues: readonly v.BaseIssue<unknown>[]): string {
  return issues
    .map((issue) => {
      const path = v.getDotPath(issue) ?? 'the whole';
      return issue.input === undefined
        ? `${path} is missing`
        : `${path} ${JSON.stringify(issue.input)} ${issue.message}`;
    })
    .join('; ');
}
