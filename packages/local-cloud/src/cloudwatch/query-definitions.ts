import * as v from 'valibot';

/** The commands of a query. Source: AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html */
const commands: ReadonlySet<string> = new Set([
  ...['display', 'fields', 'filter', 'filterIndex', 'pattern', 'diff', 'parse', 'sort', 'stats'],
  ...['limit', 'dedup', 'unmask', 'unnest', 'anomaly', 'SOURCE', 'join', 'lookup'],
]);

/** A query that begins each step with a command, one step a line; lines of comments begin with `#`. */
const queryString = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(10_000),
  v.check(
    (text) => unknownCommands(text).length === 0,
    (issue) => `has no commands of Logs Insights: ${unknownCommands(String(issue.input)).join(', ')}`,
  ),
);

function unknownCommands(text: string): readonly string[] {
  const steps = text
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.trim().startsWith('#'))
    .map((line) => line.trim().replace(/^\|\s*/u, ''));
  return steps.map((step) => /^\S*/u.exec(step)?.[0] ?? '').filter((word) => !commands.has(word));
}

/** Source: AWSCloudFormation/latest/TemplateReference/aws-resource-logs-querydefinition.html */
export const queryDefinitionSchema = v.strictObject({
  Name: v.pipe(v.string(), v.minLength(1), v.maxLength(255)),
  QueryString: queryString,
  LogGroupNames: v.optional(
    v.pipe(v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(512))), v.maxLength(50)),
    [],
  ),
  QueryLanguage: v.optional(v.picklist(['CWLI', 'SQL', 'PPL'])),
});

export type QueryDefinition = v.InferOutput<typeof queryDefinitionSchema>;
