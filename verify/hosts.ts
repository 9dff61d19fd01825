import { DescribeInstancesCommand, paginateDescribeInstances } from '@aws-sdk/client-ec2';
import {
  GetCommandInvocationCommand,
  type GetCommandInvocationResult,
  SendCommandCommand,
} from '@aws-sdk/client-ssm';
import { type Clients, codeOf, until } from './connection.ts';

export interface SeenHost {
  readonly id: string;
  readonly state: string;
  readonly tags: ReadonlyMap<string, string>;
}

/** Hosts of a group that are not terminated. */
export async function hostsOf(
  { ec2 }: Pick<Clients, 'ec2'>,
  prefix: string,
  group: string,
): Promise<readonly SeenHost[]> {
  const input = { Filters: [{ Name: `tag:${prefix}:group`, Values: [group] }] };
  const hosts: SeenHost[] = [];
  for await (const { Reservations = [] } of paginateDescribeInstances({ client: ec2 }, input))
    for (const { InstanceId = '', State, Tags = [] } of Reservations.flatMap(
      ({ Instances = [] }) => Instances,
    ))
      hosts.push({
        id: InstanceId,
        state: State?.Name ?? 'unknown',
        tags: new Map(Tags.map(({ Key = '', Value = '' }) => [Key, Value])),
      });
  return hosts.filter(({ state }) => state !== 'terminated');
}

/** Which ids, names and addresses a report must not show. */
export async function privateNames(
  { ec2 }: Pick<Clients, 'ec2'>,
  ids: readonly string[],
): Promise<readonly string[]> {
  if (ids.length === 0) return [];
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [...ids] }));
  return Reservations.flatMap(({ Instances = [] }) => Instances).flatMap((instance) => [
    ...[instance.InstanceId ?? '', instance.PrivateIpAddress ?? '', instance.PublicIpAddress ?? ''],
    ...[instance.PrivateDnsName ?? '', instance.PublicDnsName ?? ''],
  ]);
}

/** Statuses after which a command does nothing more. */
const ended = new Set(['Success', 'Cancelled', 'Failed', 'TimedOut']);

export interface Shell {
  readonly ssm: Clients['ssm'];
  readonly signal: AbortSignal;
  /** Of the script. */
  readonly seconds?: number;
}

/** Runs lines as root on a host, through Run Command. @throws {Error} with what was said, unless they end well */
export async function runOnHost(host: string, lines: readonly string[], shell: Shell): Promise<string> {
  const seen = await commandOnHost(host, lines, shell);
  if (seen.Status === 'Success') return seen.StandardOutputContent ?? '';
  const said = seen.StandardErrorContent?.trim().slice(-300) ?? '';
  throw new Error(`a command on ${host} ended with ${seen.StatusDetails}: ${said}`);
}

/** The same, however the lines end. */
export async function commandOnHost(
  host: string,
  lines: readonly string[],
  { ssm, signal, seconds = 120 }: Shell,
): Promise<GetCommandInvocationResult> {
  const id = await sendLines(ssm, host, lines, seconds);
  return until(
    async () => {
      const seen = await invocationOf(ssm, id, host);
      return seen !== undefined && ended.has(seen.Status ?? '') ? seen : undefined;
    },
    { what: `the end of a command on ${host}`, seconds: seconds + 60, signal },
  );
}

/** @returns the command's id */
export async function sendLines(
  ssm: Clients['ssm'],
  host: string,
  lines: readonly string[],
  seconds = 120,
): Promise<string> {
  const { Command } = await ssm.send(
    new SendCommandCommand({
      DocumentName: 'AWS-RunShellScript',
      InstanceIds: [host],
      Parameters: { commands: [...lines], executionTimeout: [String(seconds)] },
    }),
  );
  return Command?.CommandId ?? '';
}

/** Undefined where SSM does not know the command yet. */
export async function invocationOf(
  ssm: Clients['ssm'],
  CommandId: string,
  InstanceId: string,
): Promise<GetCommandInvocationResult | undefined> {
  try {
    return await ssm.send(new GetCommandInvocationCommand({ CommandId, InstanceId }));
  } catch (error) {
    if (codeOf(error) === 'InvocationDoesNotExist') return undefined;
    throw error;
  }
}
