import { type Account, arnOf, epochSeconds } from './account.ts';
import { AwsError, UnservedError } from './errors.ts';
import { pageOf } from './paging.ts';
import { type AccessCheck, type Operation, operation } from './registry.ts';
import { getParameterSchema, getParametersByPathSchema, putParameterSchema } from './ssm-schemas.ts';

export interface Parameter {
  readonly name: string;
  readonly type: 'String' | 'StringList' | 'SecureString';
  readonly value: string;
  readonly version: number;
  readonly modifiedAt: Date;
}

/** Parameter Store: the current version of each parameter. */
export class ParameterStore {
  readonly account: Account;
  readonly #parameters = new Map<string, Parameter>();

  constructor(account: Account) {
    this.account = account;
  }

  all(): readonly Parameter[] {
    return [...this.#parameters.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  get(name: string): Parameter | undefined {
    return this.#parameters.get(name);
  }

  /** Writes; without `overwrite` only what is not there yet, atomically. @throws AwsError ParameterAlreadyExists */
  put(name: string, type: Parameter['type'] | undefined, value: string, overwrite: boolean): Parameter {
    const old = this.#parameters.get(name);
    if (old !== undefined && !overwrite) {
      throw new AwsError(
        'ParameterAlreadyExists',
        'The parameter already exists. To overwrite this value, set the overwrite option in the request to true.',
      );
    }
    const newType = type ?? old?.type;
    if (newType === undefined)
      throw new AwsError('ValidationException', 'A parameter type is required when you create a parameter.');
    const parameter = {
      name,
      type: newType,
      value,
      version: (old?.version ?? 0) + 1,
      modifiedAt: new Date(),
    };
    this.#parameters.set(name, parameter);
    return parameter;
  }
}

export function parameterOperations(store: ParameterStore): readonly Operation[] {
  const arn = (name: string): string => arnOf(store.account, 'ssm', `parameter/${name.replace(/^\//, '')}`);
  const access = (action: string, name: string): readonly AccessCheck[] => [
    { action, resource: arn(name), context: { 'aws:RequestedRegion': store.account.region } },
  ];
  const shape = (parameter: Parameter): unknown => ({
    Name: parameter.name,
    Type: parameter.type,
    Value: parameter.value,
    Version: parameter.version,
    LastModifiedDate: epochSeconds(parameter.modifiedAt),
    ARN: arn(parameter.name),
    DataType: 'text',
  });

  const getParameter = operation({
    name: 'GetParameter',
    schema: getParameterSchema,
    access: (input) => access('ssm:GetParameter', input.Name),
    run(input) {
      if (/[:]/.test(input.Name))
        throw new UnservedError('ValidationException', 'the local cloud keeps no old versions of parameters');
      const parameter = store.get(input.Name);
      if (parameter === undefined) throw new AwsError('ParameterNotFound', '');
      return { Parameter: shape(parameter) };
    },
  });

  const getParametersByPath = operation({
    name: 'GetParametersByPath',
    schema: getParametersByPathSchema,
    access: (input) => access('ssm:GetParametersByPath', input.Path),
    run(input) {
      const path = input.Path.endsWith('/') ? input.Path : `${input.Path}/`;
      if (!path.startsWith('/'))
        throw new AwsError('ValidationException', 'The parameter path must begin with a slash.');
      const found = store
        .all()
        .filter(
          ({ name }) => name.startsWith(path) && (input.Recursive || !name.slice(path.length).includes('/')),
        );
      const page = pageOf(found, input.MaxResults, input.NextToken, [path, input.Recursive]);
      return { Parameters: page.items.map(shape), NextToken: page.nextToken };
    },
  });

  const putParameter = operation({
    name: 'PutParameter',
    schema: putParameterSchema,
    access: (input) =>
      access('ssm:PutParameter', input.Name).map((check) => ({
        ...check,
        context: { ...check.context, 'ssm:Overwrite': String(input.Overwrite) },
      })),
    run(input) {
      checkName(input.Name);
      const limit = input.Tier === 'Standard' ? 4096 : 8192;
      if (Buffer.byteLength(input.Value) > limit) {
        throw new AwsError(
          'ValidationException',
          `${input.Tier} tier parameters support a maximum parameter value of ${limit} characters.`,
        );
      }
      if (
        input.AllowedPattern !== undefined &&
        !new RegExp(`^(?:${input.AllowedPattern})$`, 'u').test(input.Value)
      ) {
        throw new AwsError(
          'ParameterPatternMismatchException',
          'Parameter value does not match the allowed pattern.',
        );
      }
      const parameter = store.put(input.Name, input.Type, input.Value, input.Overwrite);
      return { Version: parameter.version, Tier: input.Tier === 'Advanced' ? 'Advanced' : 'Standard' };
    },
  });

  return [getParameter, getParametersByPath, putParameter];
}

/** https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html, "Name" */
function checkName(name: string): void {
  const depth = name.split('/').length - 1;
  if (!/^[a-zA-Z0-9_.\-/]+$/.test(name) || (name.includes('/') && !name.startsWith('/'))) {
    throw new AwsError(
      'ValidationException',
      `Parameter name: can't be ${name}; letters, digits, . - _ and a path that starts with /`,
    );
  }
  if (depth > 15)
    throw new AwsError('HierarchyLevelLimitExceededException', 'A hierarchy has at most 15 levels.');
  if (/^\/?(aws|ssm)/i.test(name)) {
    throw new AwsError(
      'ValidationException',
      'Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).',
    );
  }
}
