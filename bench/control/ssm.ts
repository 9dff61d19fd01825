import { AwsError } from 'local-cloud/api';
import * as v from 'valibot';
import type { Fleet, FleetGroup, FleetHost } from './fleet.ts';
import { page } from './page.ts';
import { type FakeService, operation } from './server.ts';

interface Command {
  readonly id: string;
  readonly document: string;
  readonly comment: string;
  readonly instances: readonly string[];
  /** Milliseconds since 1970. */
  readonly requestedAt: number;
  /** The output of a host that has ended the command. */
  readonly output: string;
  readonly ended: (host: FleetHost) => boolean;
}

/** A command on one host. */
interface Invocation {
  readonly command: Command;
  readonly host: FleetHost;
}

const filters = v.optional(v.array(v.object({ key: v.string(), value: v.string() })), []);
const paging = (least: number, most: number) => ({
  NextToken: v.optional(v.string()),
  MaxResults: v.optional(v.pipe(v.number(), v.minValue(least), v.maxValue(most)), most),
});
const nodeFilters = v.optional(v.array(v.object({ Key: v.string(), Values: v.array(v.string()) })), []);
const commands = {
  CommandId: v.optional(v.string()),
  InstanceId: v.optional(v.string()),
  Filters: filters,
  ...paging(1, 50),
};
/** A list holds this many characters of a command's output. Source: API reference of SSM, CommandPlugin. */
const listedOutput = 2500;

export interface SsmOptions {
  readonly fleet: Fleet;
  /** The document of the pushes in the history. */
  readonly pushDocument: string;
}

/** SSM's view of the fleet. New pushes stay in progress, and so does every command on a silent host. */
export class FakeSsm {
  readonly #fleet: Fleet;
  readonly #commands = new Map<string, Command>();
  readonly #parameters = new Map<string, { readonly Value: string; readonly Version: number }>();
  readonly service: FakeService;

  constructor({ fleet, pushDocument }: SsmOptions) {
    this.#fleet = fleet;
    for (const group of fleet.groups)
      for (const at of group.pushedAt) this.#add(pastPush(group, at, pushDocument, this.#nextId()));
    this.service = {
      signingName: 'ssm',
      protocol: { kind: 'json', version: '1.1', targetPrefix: 'AmazonSSM' },
      operations: { ...this.#nodeOperations(), ...this.#commandOperations(), ...this.#parameterOperations() },
    };
  }

  #nodeOperations(): FakeService['operations'] {
    return {
      DescribeInstanceInformation: operation(
        v.object({ Filters: nodeFilters, ...paging(5, 50) }),
        ({ Filters, MaxResults, NextToken }) => {
          const found = [...this.#fleet.hosts.values()].filter((host) =>
            Filters.every((filter) => passes(host, filter)),
          );
          const { items, nextToken } = page(found, MaxResults, NextToken);
          return { InstanceInformationList: items.map(describeNode), NextToken: nextToken };
        },
      ),
      GetConnectionStatus: operation(v.object({ Target: v.string() }), ({ Target }) => {
        return {
          Target,
          Status: this.#fleet.hosts.get(Target)?.alive === true ? 'connected' : 'notconnected',
        };
      }),
    };
  }

  #commandOperations(): FakeService['operations'] {
    return {
      SendCommand: operation(
        v.object({
          DocumentName: v.string(),
          InstanceIds: v.pipe(v.array(v.string()), v.minLength(1), v.maxLength(50)),
          Comment: v.optional(v.string(), ''),
          Parameters: v.optional(v.record(v.string(), v.array(v.string())), {}),
        }),
        ({ DocumentName: document, InstanceIds: instances, Comment: comment }) => {
          for (const id of instances)
            if (!this.#fleet.hosts.has(id)) throw new AwsError('InvalidInstanceId', `there is no node ${id}`);
          const primary = this.#fleet.hosts.get(instances[0] ?? '')?.group.hosts[0]?.id;
          const isProbe = /probe/iu.test(document);
          const probed = {
            v: 1,
            kind: 'probe',
            id: primary,
            reached: false,
            message: 'connection timed out',
          };
          const command = this.#add({
            id: this.#nextId(),
            document,
            comment,
            instances,
            requestedAt: Date.now(),
            output: isProbe ? `${JSON.stringify(probed)}\n` : '',
            ended: ({ answers }) => answers && !isPush(document),
          });
          return { Command: describeCommand(command) };
        },
      ),
      ListCommands: operation(v.object(commands), (input) => {
        const found = [...new Set(this.#invocations(input).map(({ command }) => command))];
        const { items, nextToken } = page(found, input.MaxResults, input.NextToken);
        return { Commands: items.map(describeCommand), NextToken: nextToken };
      }),
      ListCommandInvocations: operation(
        v.object({ ...commands, Details: v.optional(v.boolean(), false) }),
        (input) => {
          const { items, nextToken } = page(this.#invocations(input), input.MaxResults, input.NextToken);
          return {
            CommandInvocations: items.map((each) => describeListed(each, input.Details)),
            NextToken: nextToken,
          };
        },
      ),
      GetCommandInvocation: operation(
        v.object({ CommandId: v.string(), InstanceId: v.string() }),
        (input) => {
          const [found] = this.#invocations({ ...input, Filters: [] });
          if (found === undefined)
            throw new AwsError('InvocationDoesNotExist', 'there is no such invocation');
          return describeInvocation(found);
        },
      ),
      CancelCommand: operation(v.object({ CommandId: v.string() }), () => ({})),
    };
  }

  #parameterOperations(): FakeService['operations'] {
    const read = (name: string) => {
      const found = this.#parameters.get(name);
      return found === undefined ? [] : [{ Name: name, Type: 'String', ...found }];
    };
    return {
      GetParametersByPath: operation(v.object({ Path: v.string(), ...paging(1, 10) }), (input) => {
        const names = [...this.#parameters.keys()].filter((name) => name.startsWith(`${input.Path}/`));
        const { items, nextToken } = page(names.flatMap(read), input.MaxResults, input.NextToken);
        return { Parameters: items, NextToken: nextToken };
      }),
      GetParameters: operation(v.object({ Names: v.array(v.string()) }), ({ Names }) => {
        return {
          Parameters: Names.flatMap(read),
          InvalidParameters: Names.filter((name) => read(name).length === 0),
        };
      }),
      GetParameter: operation(v.object({ Name: v.string() }), ({ Name }) => {
        const [Parameter] = read(Name);
        if (Parameter === undefined) throw new AwsError('ParameterNotFound', `there is no parameter ${Name}`);
        return { Parameter };
      }),
      PutParameter: operation(
        v.object({ Name: v.string(), Value: v.string(), Overwrite: v.optional(v.boolean(), false) }),
        ({ Name, Value, Overwrite }) => {
          const before = this.#parameters.get(Name);
          if (before !== undefined && !Overwrite)
            throw new AwsError('ParameterAlreadyExists', `there is a parameter ${Name} already`);
          const Version = (before?.Version ?? 0) + 1;
          this.#parameters.set(Name, { Value, Version });
          return { Version, Tier: 'Standard' };
        },
      ),
      DeleteParameter: operation(v.object({ Name: v.string() }), ({ Name }) => {
        this.#parameters.delete(Name);
        return {};
      }),
    };
  }

  #nextId(): string {
    return `00000000-0000-4000-8000-${String(this.#commands.size + 1).padStart(12, '0')}`;
  }

  #add(command: Command): Command {
    this.#commands.set(command.id, command);
    return command;
  }

  #invocations(query: {
    readonly CommandId?: string | undefined;
    readonly InstanceId?: string | undefined;
    readonly Filters: readonly { readonly key: string; readonly value: string }[];
  }): readonly Invocation[] {
    const { CommandId, InstanceId, Filters } = query;
    const named = CommandId === undefined ? [...this.#commands.values()] : [this.#commands.get(CommandId)];
    return named.flatMap((command) =>
      (command?.instances ?? []).flatMap((id): readonly Invocation[] => {
        const host = this.#fleet.hosts.get(id);
        if (command === undefined || host === undefined) return [];
        if (InstanceId !== undefined && InstanceId !== id) return [];
        const invocation = { command, host };
        return Filters.every((filter) => matches(invocation, filter)) ? [invocation] : [];
      }),
    );
  }
}

/** Does this document run a push? */
export function isPush(document: string): boolean {
  return /push/iu.test(document);
}

function pastPush(group: FleetGroup, requestedAt: number, document: string, id: string): Command {
  const [primary, ...secondaries] = group.hosts;
  const started = requestedAt / 1000 + 0.4;
  const done = { started, files: 0, deleted: 0, bytes: 0, seconds: 0.2 };
  const lines = [
    ...secondaries.map((host) => ({ v: 1, kind: 'secondary', id: host.id, ok: true, mode: 'none', ...done })),
    {
      v: 1,
      kind: 'push',
      group: group.name,
      epoch: 1,
      ok: true,
      started,
      seconds: 0.6,
      secondaries: secondaries.length,
      synced: secondaries.length,
      failed: 0,
      busy: 0,
    },
  ];
  return {
    id,
    document,
    comment: `hostsync push, group ${group.name}, epoch 1`,
    requestedAt,
    instances: primary === undefined ? [] : [primary.id],
    output: lines.map((line) => `${JSON.stringify(line)}\n`).join(''),
    ended: () => true,
  };
}

function passes(
  host: FleetHost,
  { Key, Values }: { readonly Key: string; readonly Values: readonly string[] },
): boolean {
  if (Key.startsWith('tag:')) return Values.includes(host.tags.get(Key.slice('tag:'.length)) ?? '\0');
  switch (Key) {
    case 'InstanceIds':
      return Values.includes(host.id);
    case 'tag-key':
      return Values.some((key) => host.tags.has(key));
    case 'PingStatus':
      return Values.includes(pingStatus(host));
    case 'ResourceType':
      return Values.includes('EC2Instance');
    default:
      throw new AwsError(
        'ValidationException',
        `the benchmark does not serve the filter ${Key} of SSM's nodes`,
      );
  }
}

function matches(
  invocation: Invocation,
  { key, value }: { readonly key: string; readonly value: string },
): boolean {
  const { document, requestedAt } = invocation.command;
  switch (key) {
    case 'DocumentName':
      return document === value;
    case 'InvokedAfter':
      return requestedAt >= Date.parse(value);
    case 'InvokedBefore':
      return requestedAt < Date.parse(value);
    case 'Status':
      return statusOf(invocation) === value;
    default:
      throw new AwsError(
        'ValidationException',
        `the benchmark does not serve the filter ${key} of SSM's commands`,
      );
  }
}

function pingStatus({ alive }: FleetHost): string {
  return alive ? 'Online' : 'ConnectionLost';
}

function statusOf({ command, host }: Invocation): 'Success' | 'InProgress' {
  return command.ended(host) ? 'Success' : 'InProgress';
}

function outputOf(invocation: Invocation): string {
  return statusOf(invocation) === 'Success' ? invocation.command.output : '';
}

function describeNode(host: FleetHost): unknown {
  return {
    InstanceId: host.id,
    PingStatus: pingStatus(host),
    LastPingDateTime: Date.now() / 1000 - (host.alive ? 60 : 600),
    AgentVersion: '3.3.2656.0',
    IsLatestVersion: true,
    PlatformType: 'Linux',
    PlatformName: 'Amazon Linux',
    PlatformVersion: '2023',
    ResourceType: 'EC2Instance',
    IPAddress: host.address,
    ComputerName: `ip-${host.address.replaceAll('.', '-')}.ec2.internal`,
    SourceId: host.id,
    SourceType: 'AWS::EC2::Instance',
  };
}

function describeCommand({ id, document, comment, instances, requestedAt }: Command): unknown {
  return {
    CommandId: id,
    DocumentName: document,
    DocumentVersion: '1',
    Comment: comment,
    InstanceIds: instances,
    Targets: [],
    RequestedDateTime: requestedAt / 1000,
    Status: 'InProgress',
    StatusDetails: 'InProgress',
    TargetCount: instances.length,
  };
}

function describeListed(invocation: Invocation, details: boolean): unknown {
  const { command, host } = invocation;
  const status = statusOf(invocation);
  const plugin = {
    Name: 'run',
    Status: status,
    StatusDetails: status,
    ResponseCode: status === 'Success' ? 0 : -1,
    Output: outputOf(invocation).slice(0, listedOutput),
  };
  return {
    CommandId: command.id,
    InstanceId: host.id,
    DocumentName: command.document,
    Comment: command.comment,
    RequestedDateTime: command.requestedAt / 1000,
    Status: status,
    StatusDetails: status,
    CommandPlugins: details ? [plugin] : [],
  };
}

function describeInvocation(invocation: Invocation): unknown {
  const { command, host } = invocation;
  const status = statusOf(invocation);
  return {
    CommandId: command.id,
    InstanceId: host.id,
    DocumentName: command.document,
    Comment: command.comment,
    Status: status,
    StatusDetails: status,
    ResponseCode: status === 'Success' ? 0 : -1,
    StandardOutputContent: outputOf(invocation),
    StandardErrorContent: '',
  };
}
