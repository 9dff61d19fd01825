import * as v from 'valibot';
import { pageOf } from '../api/paging.ts';
import { type AccessCheck, operation, type Service, type WireRequest } from '../api/registry.ts';
import { type Account, arnOf } from '../base/account.ts';
import { AwsError } from '../base/errors.ts';
import type { EventSourceMappingResource, FunctionResource, Stack } from '../cloudformation/stack.ts';

// https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html
const functionName = v.pipe(v.string(), v.minLength(1), v.maxLength(256));

/** AWS Lambda: what is deployed. Functions are run by their events alone. */
export function lambdaOperations(account: Account, stack: Stack): Service {
  const find = (name: string): FunctionResource => {
    const found = stack.functions.find(({ name: its, arn }) => [its, arn].includes(name));
    if (found !== undefined) return found;
    const arn = name.startsWith('arn:') ? name : arnOf(account, 'lambda', `function:${name}`);
    throw new AwsError('ResourceNotFoundException', `Function not found: ${arn}`, 404);
  };
  const context = { 'aws:RequestedRegion': account.region };

  const getFunctionConfiguration = operation({
    name: 'GetFunctionConfiguration',
    schema: v.strictObject({ FunctionName: functionName, Qualifier: v.optional(v.string()) }),
    access: ({ FunctionName }): readonly AccessCheck[] => [
      {
        action: 'lambda:GetFunctionConfiguration',
        resource: FunctionName.startsWith('arn:')
          ? FunctionName
          : arnOf(account, 'lambda', `function:${FunctionName}`),
        context,
      },
    ],
    run: ({ FunctionName }) => configurationOf(find(FunctionName)),
  });

  const listEventSourceMappings = operation({
    name: 'ListEventSourceMappings',
    schema: v.strictObject({
      FunctionName: v.optional(functionName),
      EventSourceArn: v.optional(v.string()),
      Marker: v.optional(v.string()),
      MaxItems: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000))),
    }),
    // It takes no resource. Source: Service Authorization Reference, AWS Lambda
    access: () => [{ action: 'lambda:ListEventSourceMappings', resource: '*', context }],
    run({ Marker, MaxItems = 100, ...request }) {
      const wanted = request.FunctionName === undefined ? undefined : find(request.FunctionName);
      const found = stack.eventSourceMappings.filter(
        ({ FunctionName, EventSourceArn }) =>
          (wanted === undefined || [wanted.name, wanted.arn].includes(FunctionName)) &&
          (request.EventSourceArn === undefined || EventSourceArn === request.EventSourceArn),
      );
      const page = pageOf(found, Math.min(MaxItems, 100), Marker, request);
      return {
        EventSourceMappings: page.items.map((each) => describeMapping(each, find(each.FunctionName))),
        NextMarker: page.nextToken,
      };
    },
  });

  const listFunctions = operation({
    name: 'ListFunctions',
    schema: v.strictObject({
      Marker: v.optional(v.string()),
      MaxItems: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000))),
    }),
    access: () => [{ action: 'lambda:ListFunctions', resource: '*', context }],
    run({ Marker, MaxItems = 50, ...request }) {
      // "Lambda returns up to 50 functions per call" (API_ListFunctions)
      const page = pageOf(stack.functions, Math.min(MaxItems, 50), Marker, request);
      return { Functions: page.items.map(configurationOf), NextMarker: page.nextToken };
    },
  });

  return {
    signingName: 'lambda',
    protocol: { kind: 'rest-json' },
    source: 'lambda/operations.ts',
    route,
    operations: [getFunctionConfiguration, listFunctions, listEventSourceMappings],
  };
}

function route(method: string, url: URL): WireRequest | undefined {
  if (method !== 'GET') return undefined;
  const query = Object.fromEntries(url.searchParams);
  const [, name] = /^\/2015-03-31\/functions\/([^/]+)\/configuration$/.exec(url.pathname) ?? [];
  if (name !== undefined)
    return {
      operation: 'GetFunctionConfiguration',
      input: { FunctionName: decodeURIComponent(name), ...query },
    };
  const [, list] = /^\/2015-03-31\/(functions|event-source-mappings)\/?$/.exec(url.pathname) ?? [];
  if (list === undefined) return undefined;
  const { MaxItems, ...rest } = query;
  return {
    operation: list === 'functions' ? 'ListFunctions' : 'ListEventSourceMappings',
    input: { ...rest, ...(MaxItems !== undefined && { MaxItems: Number(MaxItems) }) },
  };
}

function configurationOf(resource: FunctionResource): unknown {
  return {
    FunctionName: resource.name,
    FunctionArn: resource.arn,
    Role: resource.Role,
    Runtime: resource.Runtime,
    Handler: resource.Handler,
    Timeout: resource.Timeout,
    MemorySize: resource.MemorySize,
    Environment: { Variables: resource.Environment?.Variables ?? {} },
    State: 'Active',
    Version: '$LATEST',
  };
}

function describeMapping(
  { logicalId, EventSourceArn, Enabled, BatchSize, ScalingConfig }: EventSourceMappingResource,
  { arn }: FunctionResource,
): unknown {
  return {
    UUID: logicalId,
    EventSourceArn,
    FunctionArn: arn,
    State: Enabled ? 'Enabled' : 'Disabled',
    BatchSize,
    ScalingConfig,
  };
}
