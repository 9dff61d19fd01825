import { AwsError, UnservedError } from '../base/errors.ts';
import type { Instance, StatusChecks, Tags } from './instance.ts';
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

function checkAgainst(
  filters: readonly Filter[],
  operation: string,
  isServed: (name: string) => boolean,
): void {
  const values = filters.reduce((sum, filter) => sum + (filter.Value?.length ?? 0), 0);
  if (filters.length > 50 || values > 200) {
    throw new AwsError(
      'FilterLimitExceeded',
      'The maximum number of filters (50) or of their values (200) is exceeded.',
    );
  }
  for (const filter of filters) {
    if (filter.Value === undefined || filter.Value.length === 0) {
      throw new AwsError('InvalidParameterValue', `The filter '${filter.Name}' has no values`);
    }
    if (filter.Name === 'instance-state-name') {
      for (const value of filter.Value) {
        if (!(value in instanceStateCodes) && !/[*?]/.test(value)) {
          throw new AwsError('InvalidParameterValue', `'${value}' is not a state of an instance`);
        }
      }
    } else if (!isServed(filter.Name)) {
      throw new UnservedError(
        'InvalidParameterValue',
        `the local cloud does not serve the filter '${filter.Name}' of ec2:${operation}; add it to src/ec2/filters.ts`,
      );
    }
  }
}

const served: ReadonlySet<string> = new Set([
  'tag-key',
  'tag-value',
  'instance-id',
  'instance-state-code',
  'private-ip-address',
  'availability-zone',
  'instance-lifecycle',
]);
const servedForStatus: ReadonlySet<string> = new Set([
  ...['availability-zone', 'instance-state-code', 'instance-status.status', 'system-status.status'],
]);

/** Whether an instance passes all filters of `DescribeInstanceStatus`. */
export function statusPasses(instance: Instance, checks: StatusChecks, filters: readonly Filter[]): boolean {
  const statusOf = (status: string): readonly string[] => [
    instance.state === 'running' ? status : 'not-applicable',
  ];
  return filters.every(({ Name, Value = [] }) => {
    const actual =
      Name === 'instance-status.status'
        ? statusOf(checks.instance)
        : Name === 'system-status.status'
          ? statusOf(checks.system)
          : actualValues(instance, new Map(), Name);
    return Value.some((pattern) => actual.some((value) => matchesWildcard(pattern, value)));
  });
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
