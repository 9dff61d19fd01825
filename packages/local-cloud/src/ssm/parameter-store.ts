import { pageOf } from '../api/paging.ts';
import { type AccessCheck, type Operation, operation } from '../api/registry.ts';
import { type Account, arnOf, epochSeconds } from '../base/account.ts';
import { AwsError, UnservedError } from '../base/errors.ts';
import * as schemas from './schemas.ts';

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

  /** @returns whether it was there */
  delete(name: string): boolean {
    return this.#parameters.delete(name);
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
    schema: schemas.getParameterSchema,
    access: (input) => access('ssm:GetParameter', input.Name),
    run(input) {
      refuseVersions([input.Name]);
      const parameter = store.get(input.Name);
      if (parameter === undefined) throw new AwsError('ParameterNotFound', '');
      return { Parameter: shape(parameter) };
    },
  });

  const getParameters = operation({
    name: 'GetParameters',
    schema: schemas.getParametersSchema,
    access: (input) => input.Names.flatMap((name) => access('ssm:GetParameters', name)),
    run(input) {
      refuseVersions(input.Names);
      const names = [...new Set(input.Names)];
      const found = names.map((name) => store.get(name)).filter((parameter) => parameter !== undefined);
      const missing = names.filter((name) => store.get(name) === undefined);
      return { Parameters: found.map(shape), InvalidParameters: missing };
    },
  });

  const deleteParameter = operation({
    name: 'DeleteParameter',
    schema: schemas.deleteParameterSchema,
    access: (input) => access('ssm:DeleteParameter', input.Name),
    run(input) {
      if (!store.delete(input.Name)) throw new AwsError('ParameterNotFound', '');
      return {};
    },
  });

  const deleteParameters = operation({
    name: 'DeleteParameters',
    schema: schemas.deleteParametersSchema,
    access: (input) => input.Names.flatMap((name) => access('ssm:DeleteParameters', name)),
    run(input) {
      const names = [...new Set(input.Names)];
      const deleted = names.filter((name) => store.delete(name));
      return {
        DeletedParameters: deleted,
        InvalidParameters: names.filter((name) => !deleted.includes(name)),
      };
    },
  });

  const getParametersByPath = operation({
    name: 'GetParametersByPath',
    schema: schemas.getParametersByPathSchema,
    access: (input) =>
      access('ssm:GetParametersByPath', input.Path).map((check) => ({
        ...check,
        context: { ...check.context, 'ssm:Recursive': String(input.Recursive) },
      })),
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
    schema: schemas.putParameterSchema,
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
      if (/\{\{.*\}\}/su.test(input.Value)) throw new AwsError('ValidationException', nestedReference);
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

  return [
    ...[getParameter, getParameters, getParametersByPath],
    ...[putParameter, deleteParameter, deleteParameters],
  ];
}

function refuseVersions(names: readonly string[]): void {
  if (names.some((name) => name.includes(':')))
    throw new UnservedError('ValidationException', 'the local cloud keeps no old versions of parameters');
}

// API_PutParameter.html, "Value"; the words as users report them
const nestedReference = 'Parameter value can\'t nest another parameter. Do not use "{{}}" in the value.';

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
