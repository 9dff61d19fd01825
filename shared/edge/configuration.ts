import * as v from 'valibot';
import { describeIssues } from './issues.ts';

/** The environment does not hold what a function needs; the message names every variable at once. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

const documentName = v.pipe(
  v.string(),
  // Source: API model of SSM, DocumentName of SendCommand
  v.regex(/^[a-zA-Z0-9_\-.:/]{3,128}$/u, 'is not the name of an SSM document'),
);

/** What each function reads from its environment. serverless.yml sets all of it. */
const schemas = {
  sync: v.object({ HOSTSYNC_PUSH_DOCUMENT: documentName }),
};

type Schemas = typeof schemas;

/**
 * The configuration of one function. This is the only place that reads `process.env`.
 *
 * @throws {ConfigurationError} naming all that is missing or wrong
 */
export function readConfiguration<Name extends keyof Schemas>(
  name: Name,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): v.InferOutput<Schemas[Name]> {
  const result = v.safeParse(schemas[name], environment);
  if (result.success) return result.output;
  throw new ConfigurationError(
    `the environment of the function ${name} is wrong: ${describeIssues(result.issues)}. Deploy it with serverless deploy, which sets these variables`,
  );
}
