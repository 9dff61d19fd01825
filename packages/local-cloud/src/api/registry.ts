import * as v from 'valibot';
import { AwsError, UnservedError } from '../base/errors.ts';

/** Who calls: a function, or somebody else, in a role; or the operator, who may do everything. */
export interface Caller {
  readonly kind: 'function' | 'operator';
  readonly name: string;
  readonly principalArn: string;
  readonly policies: readonly NamedPolicy[];
}

export interface NamedPolicy {
  readonly name: string;
  readonly document: unknown;
}

/** One question to IAM: may the caller do this to that? All of a call's questions must be answered with yes. */
export interface AccessCheck {
  readonly action: string;
  readonly resource: string;
  readonly context: Readonly<Record<string, string | string[]>>;
}

/** A request whose shape is right, before the caller's role was judged. */
export interface PreparedCall {
  readonly input: unknown;
  readonly access: readonly AccessCheck[];
  run(): Promise<unknown> | unknown;
}

export interface Operation {
  readonly name: string;
  /** @throws AwsError when AWS would refuse the request's shape */
  prepare(input: unknown, caller: Caller): PreparedCall;
}

export type Protocol =
  | { readonly kind: 'json'; readonly version: '1.0' | '1.1'; readonly targetPrefix: string }
  | { readonly kind: 'ec2'; readonly namespace: string }
  | { readonly kind: 'query'; readonly namespace: string }
  | { readonly kind: 'rest-xml'; readonly namespace: string }
  | { readonly kind: 'rest-json' };

/** An AWS service, by the name in the credential scope of a signature. */
export interface Service {
  readonly signingName: string;
  readonly protocol: Protocol;
  readonly source: string;
  readonly operations: readonly Operation[];
  /** of a service with one endpoint for all regions, whose requests are signed for us-east-1 on AWS; default false */
  readonly isGlobal?: boolean;
  /** the code of a denial, where it is not that of most services of the protocol */
  readonly deniedCode?: string;
  /** which operation a request of a REST protocol is, and its input; undefined for one that there is not */
  readonly route?: (method: string, url: URL, body: string) => WireRequest | undefined;
}

/** What an operation is called and what it was given. */
export interface WireRequest {
  readonly operation: string;
  readonly input: unknown;
}

/**
 * Defines an operation: the schema is AWS's (limits, patterns, no unknown members), `access` names each resource that
 * IAM judges, and `run` gives the answer in the form that goes over the wire.
 */
export function operation<const Schema extends v.GenericSchema>(definition: {
  readonly name: string;
  readonly schema: Schema;
  /** what a schema cannot say. @throws AwsError for a request that AWS would refuse, whatever there is */
  readonly check?: (input: v.InferOutput<Schema>) => void;
  readonly access: (input: v.InferOutput<Schema>, caller: Caller) => readonly AccessCheck[];
  readonly run: (input: v.InferOutput<Schema>, caller: Caller) => Promise<unknown> | unknown;
}): Operation {
  return {
    name: definition.name,
    prepare(input, caller) {
      const parsed = v.safeParse(definition.schema, input);
      if (!parsed.success) throw validationError(definition.name, parsed.issues);
      definition.check?.(parsed.output);
      return {
        input: parsed.output,
        access: definition.access(parsed.output, caller),
        run: () => definition.run(parsed.output, caller),
      };
    },
  };
}

function validationError(operationName: string, issues: readonly v.BaseIssue<unknown>[]): AwsError {
  const unknown = issues.filter((issue) => issue.type === 'strict_object' && issue.expected === 'never');
  if (unknown.length > 0) {
    const members = unknown.map((issue) => v.getDotPath(issue) ?? '?').join(', ');
    return new UnservedError(
      'ValidationException',
      `the local cloud does not know the member ${members} of ${operationName}; if AWS does, add it to the schema of its service`,
    );
  }
  const messages = issues.map(
    (issue) => `Value at '${v.getDotPath(issue) ?? ''}' failed to satisfy constraint: ${issue.message}`,
  );
  return new AwsError(
    'ValidationException',
    `${issues.length} validation error(s) detected: ${messages.join('; ')}`,
  );
}

/** A list of strings or members that the query protocols number from 1. */
export function listOf<const Item extends v.GenericSchema>(item: Item, minimum: number, maximum: number) {
  return v.pipe(v.array(item), v.minLength(minimum), v.maxLength(maximum));
}

/** A string whose length is counted as AWS counts it: in Unicode characters. */
export function text(minimum: number, maximum: number) {
  return v.pipe(
    v.string(),
    v.check((value) => [...value].length >= minimum, `must have at least ${minimum} characters`),
    v.check((value) => [...value].length <= maximum, `must have at most ${maximum} characters`),
  );
}

export function integer(minimum: number, maximum: number) {
  return v.pipe(v.number(), v.integer(), v.minValue(minimum), v.maxValue(maximum));
}

/** An integer of the query protocols, where everything is text. */
export function queryInteger(minimum: number, maximum: number) {
  return v.pipe(
    v.string(),
    v.regex(/^-?\d+$/),
    v.transform(Number),
    v.minValue(minimum),
    v.maxValue(maximum),
  );
}

export const queryBoolean = v.pipe(
  v.picklist(['true', 'false']),
  v.transform((value) => value === 'true'),
);

/** A list of the query protocol, as `{ member: […] }`; the SDK sends an empty one as an empty text. */
export function members<const Item extends v.GenericSchema>(item: Item, maximum: number) {
  return v.union([
    v.pipe(
      v.literal(''),
      v.transform((): v.InferOutput<Item>[] => []),
    ),
    v.pipe(
      v.strictObject({ member: listOf(item, 1, maximum) }),
      v.transform(({ member }) => member),
    ),
  ]);
}
