import { AwsError, UnservedError } from '../base/errors.ts';
import type { CheckStatus, Instance, StatusChecks, Tags } from './instance.ts';
import { instanceStateCodes } from './instance.ts';

export interface Filter {
  readonly Name: string;
  readonly Value?: readonly string[] | undefined;
}

/**
 * Whether an instance passes all filters: AND between names, OR within values, case-sensitive.
 *
 * @param tags the tags that the call may see
 */
export function passes(instance: Instance, tags: Tags, filters: readonly Filter[]): boolean {
  return filters.every((filter) => {
    const actual = actualValues(instance, tags, filter.Name);
    return (filter.Value ?? []).some((pattern) => actual.some((value) => matchesWildcard(pattern, value)));
  });
}

/** @throws AwsError for what EC2 refuses, UnservedError for a filter that the local cloud does not have */
export function checkFilters(filters: readonly Filter[]): void {
  checkAgainst(filters, 'DescribeInstances', (name) => name.startsWith('tag:') || served.has(name));
}

/** The same for `DescribeInstanceStatus`, which has other filters, and none on tags. */
export function checkStatusFilters(filters: readonly Filter[]): void {
  checkAgainst(filters, 'DescribeInstanceStatus', (name) => servedForStatus.has(name));
}

/** The same for `DescribeAddresses`. */
export function checkAddressFilters(filters: readonly Filter[]): void {
  checkAgainst(filters, 'DescribeAddresses', (name) => servedForAddresses.has(name));
}

/** Whether something passes all filters, with one value or none for each name. */
export function valuesPass(
  values: ReadonlyMap<string, string | undefined>,
  filters: readonly Filter[],
): boolean {
  return filters.every(({ Name, Value = [] }) => {
    const actual = values.get(Name);
    return actual !== undefined && Value.some((pattern) => matchesWildcard(pattern, actual));
  });
}

function checkAgainst(
  filters: readonly Filter[],
  operation: string,
  isServed: (name: string) => boolean,
): void {
  const values = filters.reduce((sum, filter) => sum + (filter.Value?.length ?? 0), 0);
  if (filters.length > 50 || values > 200) {
    throw new AwsError(
      'FilterLimitExceeded',
      values > 200
        ? 'The maximum number of filter values specified on a single call is 200'
        : 'The maximum number of filters specified on a single call is 50',
    );
  }
  for (const filter of filters) {
    if (filter.Value === undefined || filter.Value.length === 0) {
      throw new AwsError('InvalidParameterValue', `The filter '${filter.Name}' has no values`);
    }
    if (!isServed(filter.Name)) {
      throw new UnservedError(
        'InvalidParameterValue',
        `the local cloud does not serve the filter '${filter.Name}' of ec2:${operation}; add it to src/ec2/filters.ts`,
      );
    }
    for (const value of filter.Name === 'instance-state-name' ? filter.Value : []) {
      if (!(value in instanceStateCodes) && !/[*?]/.test(value)) {
        throw new AwsError('InvalidParameterValue', `'${value}' is not a state of an instance`);
      }
    }
  }
}

const served: ReadonlySet<string> = new Set([
  'tag-key',
  'tag-value',
  'instance-id',
  'instance-state-code',
  'instance-state-name',
  'private-ip-address',
  'availability-zone',
  'instance-lifecycle',
]);
const servedForStatus: ReadonlySet<string> = new Set([
  ...['availability-zone', 'instance-state-code', 'instance-state-name', 'attached-ebs-status.status'],
  ...['instance-status.status', 'instance-status.reachability'],
  ...['system-status.status', 'system-status.reachability'],
]);

const servedForAddresses: ReadonlySet<string> = new Set([
  ...['allocation-id', 'association-id', 'instance-id', 'network-interface-id'],
  ...['private-ip-address', 'public-ip'],
]);

/** What a check says of whether a machine is reached, by its status. Source: EC2 API reference, `InstanceStatusDetails`. */
export const reachability: Readonly<Record<CheckStatus, string>> = {
  ok: 'passed',
  impaired: 'failed',
  initializing: 'initializing',
  'insufficient-data': 'insufficient-data',
};

/** Whether an instance passes all filters of `DescribeInstanceStatus`. */
export function statusPasses(instance: Instance, checks: StatusChecks, filters: readonly Filter[]): boolean {
  return filters.every(({ Name, Value = [] }) => {
    const actual = statusValues(instance, checks, Name) ?? actualValues(instance, new Map(), Name);
    return Value.some((pattern) => actual.some((value) => matchesWildcard(pattern, value)));
  });
}

/** Of a filter on one of the checks; an instance that does not run has none. */
function statusValues(
  { state }: Instance,
  checks: StatusChecks,
  name: string,
): readonly string[] | undefined {
  const [check, aspect] = name.split('.');
  const statuses: Readonly<Record<string, CheckStatus>> = {
    'instance-status': checks.instance,
    'system-status': checks.system,
    'attached-ebs-status': 'ok',
  };
  const status = statuses[check ?? ''];
  if (status === undefined) return undefined;
  if (state !== 'running') return aspect === 'status' ? ['not-applicable'] : [];
  return [aspect === 'status' ? status : reachability[status]];
}

function actualValues(instance: Instance, tags: Tags, name: string): readonly string[] {
  switch (name) {
    case 'tag-key':
      return [...tags.keys()];
    case 'tag-value':
      return [...tags.values()];
    case 'instance-id':
      return [instance.id];
    case 'instance-state-name':
      return [instance.state];
    case 'instance-state-code':
      return [String(instanceStateCodes[instance.state])];
    case 'private-ip-address':
      return instance.privateIp === undefined ? [] : [instance.privateIp];
    case 'availability-zone':
      return [instance.availabilityZone];
    case 'instance-lifecycle':
      return instance.spot ? ['spot'] : [];
    default: {
      const value = tags.get(name.slice('tag:'.length));
      return value === undefined ? [] : [value];
    }
  }
}

/** `*` any text, `?` one character, a backslash takes the next character as it is. */
export function matchesWildcard(pattern: string, value: string): boolean {
  const source = [...pattern.matchAll(/\\(.)|(\*)|(\?)|([^\\])|\\$/gsu)]
    .map(([whole, escaped, star, question]) => {
      if (star !== undefined) return '.*';
      if (question !== undefined) return '.';
      return escapeRegExp(escaped ?? whole);
    })
    .join('');
  return new RegExp(`^${source}$`, 'su').test(value);
}

/** RegExp.escape, which the language level of the project does not have yet. */
export function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
