import * as v from 'valibot';
import { AwsError, LocalCloudError, messageOf } from '../base/errors.ts';
import type { DocumentResource } from '../cloudformation/stack.ts';

const parameterSchema = v.strictObject({
  type: v.picklist(
    ['String', 'StringList'],
    'Command documents have parameters of type String and StringList only',
  ),
  description: v.optional(v.string()),
  default: v.optional(v.union([v.string(), v.array(v.string())])),
  allowedValues: v.optional(v.array(v.string())),
  allowedPattern: v.optional(v.string()),
  minChars: v.optional(v.pipe(v.string(), v.transform(Number))),
  maxChars: v.optional(v.pipe(v.string(), v.transform(Number))),
  minItems: v.optional(v.pipe(v.string(), v.transform(Number))),
  maxItems: v.optional(v.pipe(v.string(), v.transform(Number))),
  displayType: v.optional(v.string()),
  interpolationType: v.optional(v.literal('ENV_VAR')),
});

const stepSchema = v.strictObject({
  action: v.literal('aws:runShellScript', 'the local cloud runs aws:runShellScript only'),
  name: v.pipe(v.string(), v.regex(/^[a-zA-Z0-9_-]{1,128}$/)),
  precondition: v.optional(
    v.strictObject({
      StringEquals: v.tuple([v.literal('platformType'), v.picklist(['Linux', 'Windows', 'MacOS'])]),
    }),
  ),
  inputs: v.strictObject({
    runCommand: v.union([v.array(v.string()), v.string()]),
    timeoutSeconds: v.optional(v.string()),
  }),
});

const contentSchema = v.strictObject({
  schemaVersion: v.literal('2.2', 'the local cloud runs documents of schema 2.2 only'),
  description: v.optional(v.string()),
  // the agent drops other names and only logs it: agent/framework/docparser/parameters/parameters.go
  parameters: v.optional(
    v.record(
      v.pipe(v.string(), v.regex(/^[a-zA-Z0-9]+$/, 'the agent takes letters and digits only')),
      parameterSchema,
    ),
    {},
  ),
  mainSteps: v.pipe(v.array(stepSchema), v.minLength(1)),
});

export type DocumentParameter = v.InferOutput<typeof parameterSchema>;
export type DocumentStep = v.InferOutput<typeof stepSchema>;
export type ParameterValues = Readonly<Record<string, readonly string[]>>;

export interface CommandDocument {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  readonly parameters: Readonly<Record<string, DocumentParameter>>;
  readonly steps: readonly DocumentStep[];
  readonly bytes: number;
}

// "Document size: 64 KB", parameters included: https://docs.aws.amazon.com/general/latest/gr/ssm.html
const maximumBytes = 65_536;

/** @throws LocalCloudError saying what SSM would refuse or the local cloud does not serve */
export function readDocument(resource: DocumentResource): CommandDocument {
  const where = `document ${resource.logicalId}`;
  // CloudFormation turns numbers and booleans of the content into text
  const content = v.safeParse(contentSchema, asText(parseContent(resource.Content, where)));
  if (!content.success) {
    const details = content.issues
      .map((issue) => `${v.getDotPath(issue) ?? ''}: ${issue.message}`)
      .join('; ');
    throw new LocalCloudError(`${where}: ${details}; see src/ssm/document.ts`);
  }
  const bytes = Buffer.byteLength(JSON.stringify(resource.Content));
  if (bytes > maximumBytes) throw new LocalCloudError(`${where} has ${bytes} bytes; SSM takes 64 KB`);
  for (const [name, parameter] of Object.entries(content.output.parameters))
    checkDefinition(name, parameter, where);
  return {
    logicalId: resource.logicalId,
    name: resource.name,
    arn: resource.arn,
    parameters: content.output.parameters,
    steps: content.output.mainSteps,
    bytes,
  };
}

function parseContent(content: unknown, where: string): unknown {
  if (typeof content !== 'string') return content;
  try {
    const parsed: unknown = JSON.parse(content);
    return parsed;
  } catch (error) {
    throw new LocalCloudError(
      `${where}: the local cloud reads content that is an object or JSON: ${messageOf(error)}`,
    );
  }
}

function asText(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return value.map(asText);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, asText(child)]));
}

function checkDefinition(name: string, parameter: DocumentParameter, where: string): void {
  const pattern = parameter.allowedPattern;
  if (pattern === undefined) return;
  if (/\(\?<?[=!]|\\[1-9]/.test(pattern)) {
    throw new LocalCloudError(
      `${where}, ${name}: the agent's regular expressions have no look-around and no back-references`,
    );
  }
  if (!pattern.startsWith('^') || !pattern.endsWith('$')) {
    throw new LocalCloudError(
      `${where}, ${name}: an allowedPattern without ^ and $ lets any text around it pass: ${pattern}`,
    );
  }
  patternOf(pattern);
}

function patternOf(pattern: string): RegExp {
  try {
    return new RegExp(pattern, 'u');
  } catch (error) {
    throw new LocalCloudError(`allowedPattern ${pattern}: ${messageOf(error)}`);
  }
}

/**
 * The values that a command runs with: those given, and the defaults.
 *
 * @throws AwsError InvalidParameters or MaxDocumentSizeExceeded, as SendCommand does
 */
export function checkParameters(document: CommandDocument, given: ParameterValues): ParameterValues {
  const invalid = (message: string): AwsError => new AwsError('InvalidParameters', message);
  const unknown = Object.keys(given).filter((name) => document.parameters[name] === undefined);
  if (unknown.length > 0)
    throw invalid(`Document ${document.name} does not have the parameters: ${unknown.join(', ')}`);
  const values = Object.entries(document.parameters).map(([name, parameter]) => {
    const value = given[name] ?? defaultOf(parameter);
    if (value === undefined) throw invalid(`Parameter ${name} is required and was not given`);
    const blocker = valueBlocker(parameter, value) ?? patternBlocker(parameter, value, javaFinds);
    if (blocker !== undefined) throw invalid(`Parameter ${name}: ${blocker}`);
    return [name, value] as const;
  });
  if (document.bytes + Buffer.byteLength(JSON.stringify(given)) > maximumBytes) {
    throw new AwsError(
      'MaxDocumentSizeExceeded',
      'The size limit of a document is 64 KB, parameters included.',
    );
  }
  return Object.fromEntries(values);
}

/** The agent checks patterns once more, with its own regular expressions, and nothing else. A reason to refuse, or undefined. */
export function agentBlocker(document: CommandDocument, values: ParameterValues): string | undefined {
  for (const [name, parameter] of Object.entries(document.parameters)) {
    const blocker = patternBlocker(parameter, values[name] ?? [], goFinds);
    if (blocker !== undefined) return `parameter ${name}: ${blocker}`;
  }
  return undefined;
}

function defaultOf(parameter: DocumentParameter): readonly string[] | undefined {
  return typeof parameter.default === 'string' ? [parameter.default] : parameter.default;
}

type Finds = (pattern: string, value: string) => boolean;

// Java's $ also matches before a newline at the end; Go's does not.
const goFinds: Finds = (pattern, value) => patternOf(pattern).test(value);
const javaFinds: Finds = (pattern, value) =>
  goFinds(pattern, value) || goFinds(pattern, value.replace(/(\r\n|[\n\r\u0085\u2028\u2029])$/, ''));

function patternBlocker(
  { allowedPattern: pattern }: DocumentParameter,
  values: readonly string[],
  finds: Finds,
): string | undefined {
  const wrong = pattern === undefined ? undefined : values.find((value) => !finds(pattern, value));
  return wrong === undefined ? undefined : `"${wrong.slice(0, 80)}" does not match ${pattern}`;
}

function valueBlocker(parameter: DocumentParameter, values: readonly string[]): string | undefined {
  if (parameter.type === 'String' && values.length !== 1)
    return `is a String and was given ${values.length} values`;
  if (values.length < (parameter.minItems ?? 0)) return `needs at least ${parameter.minItems} items`;
  if (values.length > (parameter.maxItems ?? Number.POSITIVE_INFINITY))
    return `takes at most ${parameter.maxItems} items`;
  for (const value of values) {
    const length = [...value].length;
    if (length < (parameter.minChars ?? 0)) return `needs at least ${parameter.minChars} characters`;
    if (length > (parameter.maxChars ?? Number.POSITIVE_INFINITY))
      return `takes at most ${parameter.maxChars} characters`;
    if (parameter.allowedValues?.includes(value) === false)
      return `"${value}" is not one of the allowed values`;
  }
  return undefined;
}

/** A step as the agent runs it. */
export interface RenderedStep {
  readonly name: string;
  readonly script: string;
  readonly timeoutSeconds: number;
  readonly environment: Readonly<Record<string, string>>;
  /** Why the agent cannot run it, in its words. */
  readonly error?: string;
}

/**
 * Puts values into a step as the agent does: as text, in one pass, before the shell sees it.
 *
 * @param environmentVariables whether the agent knows interpolationType ENV_VAR (3.3.2746.0 and later)
 * @returns undefined when the step is for another platform
 */
export function renderStep(
  document: CommandDocument,
  step: DocumentStep,
  values: ParameterValues,
  environmentVariables: boolean,
): RenderedStep | undefined {
  if (step.precondition !== undefined && step.precondition.StringEquals[1] !== 'Linux') return undefined;
  const inEnvironment = Object.entries(document.parameters)
    .filter(([, parameter]) => environmentVariables && parameter.interpolationType === 'ENV_VAR')
    .map(([name]) => name);
  const render = (text: string): string => interpolate(document, text, values, inEnvironment);
  const replace = (text: string): Replaced =>
    wholeValue(document, text, values, inEnvironment) ?? render(text);
  const { runCommand } = step.inputs;
  const lines = typeof runCommand === 'string' ? [replace(runCommand)].flat() : runCommand.map(replace);
  return {
    name: step.name,
    script: `${lines.flat().join('\n')}\n`,
    timeoutSeconds: stepTimeout(render(step.inputs.timeoutSeconds ?? '')),
    environment: Object.fromEntries(
      inEnvironment.map((name) => [`SSM_${name}`, (values[name] ?? []).join(',')]),
    ),
    // A list may take the place of runCommand, and not of one of its lines
    ...(lines.some(Array.isArray) && { error: listInLine }),
  };
}

type Replaced = string | readonly string[];

const listInLine =
  'Invalid format in plugin properties;\nerror json: cannot unmarshal array into Go struct field RunScriptPluginInput.RunCommand of type string';

function interpolate(
  document: CommandDocument,
  text: string,
  values: ParameterValues,
  except: readonly string[],
): string {
  return text.replace(/\{\{\s*([a-zA-Z0-9]+)\s*\}\}/g, (whole, name: string) => {
    const parameter = document.parameters[name];
    const value = values[name];
    if (parameter === undefined || value === undefined || except.includes(name)) return whole;
    const plain = parameter.type === 'StringList' ? JSON.stringify(value) : (value[0] ?? '');
    return plain.replaceAll('$$', '$');
  });
}

/**
 * What is nothing but a parameter becomes its value as it is: a list stays a list, and `$$` two characters.
 *
 * @see amazon-ssm-agent agent/framework/docparser/parameters/parameters.go, ReplaceParameters
 */
function wholeValue(
  document: CommandDocument,
  text: string,
  values: ParameterValues,
  except: readonly string[],
): Replaced | undefined {
  const name = /^\{\{\s*([a-zA-Z0-9]+)\s*\}\}$/.exec(text)?.[1] ?? '';
  const value = except.includes(name) ? undefined : values[name];
  return document.parameters[name]?.type === 'StringList' ? value : value?.[0];
}

/**
 * The agent takes 5…172,800 seconds, cuts fractions off, and quietly uses 3,600 for anything else: agent/plugins/pluginutil/pluginutil.go.
 * What else Go reads as a number (hexadecimal, `inf`) is not taken here.
 */
function stepTimeout(text: string): number {
  const seconds = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text)
    ? Math.trunc(Number(text))
    : Number.NaN;
  return seconds >= 5 && seconds <= 172_800 ? seconds : 3600;
}
