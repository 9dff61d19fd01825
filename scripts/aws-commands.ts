/** Checks commands of the AWS CLI, in documents and messages, against the API models that the SDK brings. */

/** Options of one operation, without the two hyphens. */
export type AwsModels = ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>;

/** The SDK's package of each service that our commands name. */
const packages: Readonly<Record<string, string>> = {
  autoscaling: 'auto-scaling',
  cloudformation: 'cloudformation',
  cloudwatch: 'cloudwatch',
  ec2: 'ec2',
  events: 'eventbridge',
  lambda: 'lambda',
  logs: 'cloudwatch-logs',
  sns: 'sns',
  sqs: 'sqs',
  ssm: 'ssm',
};

/** What the CLI has beside the API. Source: AWS CLI command reference, version 2. */
const ofTheCommandLine: Readonly<Record<string, readonly string[]>> = {
  'cloudformation deploy': ['stack-name', 'template-file', 'capabilities', 'parameter-overrides'],
  'ec2 authorize-security-group-ingress': ['protocol', 'port', 'source-group', 'cidr'],
  'logs tail': ['since', 'filter-pattern', 'follow', 'format'],
  'resourcegroupstaggingapi get-resources': ['tag-filters'],
  'secretsmanager get-secret-value': ['secret-id'],
  'sns subscribe': ['notification-endpoint'],
  'sso login': [],
};

const ofEveryCommand = ['output', 'query', 'region', 'profile', 'max-items', 'endpoint-url'];

/** As botocore makes options of members: `InstanceIds`, `UUID`. */
function optionOf(member: string): string {
  return member
    .replaceAll(/([a-z0-9])([A-Z])/gu, '$1-$2')
    .replaceAll(/([A-Z]+)([A-Z][a-z])/gu, '$1-$2')
    .toLowerCase();
}

/** A schema of the SDK: kind (9: an operation, 3: a structure), namespace, name, traits, input or names of members. */
function schemaOf(value: unknown, kind: number): readonly unknown[] | undefined {
  return Array.isArray(value) && value[0] === kind ? value : undefined;
}

function operationsOf(module: object): ReadonlyMap<string, ReadonlySet<string>> {
  const operations = new Map<string, ReadonlySet<string>>();
  for (const value of Object.values(module)) {
    const [, , name, , input] = schemaOf(value, 9) ?? [];
    if (typeof name !== 'string') continue;
    const [, , , , members] = schemaOf(typeof input === 'function' ? input() : input, 3) ?? [];
    const names = Array.isArray(members) ? members.filter((member) => typeof member === 'string') : [];
    operations.set(optionOf(name), new Set(names.map(optionOf)));
  }
  return operations;
}

/** Reads the models of all services that our commands name: some two seconds. */
export async function loadAwsModels(): Promise<AwsModels> {
  const models = new Map<string, ReadonlyMap<string, ReadonlySet<string>>>();
  for (const [service, name] of Object.entries(packages)) {
    const module: object = await import(`@aws-sdk/client-${name}`);
    models.set(service, operationsOf(module));
  }
  return models;
}

/** @returns what AWS would not understand of the commands in a text */
export function awsProblems(text: string, models: AwsModels): readonly string[] {
  const commands = text.matchAll(
    /(?<![\w.@/-])aws ([a-z][a-z0-9]+) ([a-z][a-z0-9-]+)(?=[\s`'"]|$)([^`|;]*)/gu,
  );
  return [...commands].flatMap(([, service = '', operation = '', rest = '']) => {
    const name = `${service} ${operation}`;
    const modelled = models.get(service)?.get(operation);
    const more = ofTheCommandLine[name];
    if (modelled === undefined && more === undefined) {
      // Else it is prose, as in "what aws can do"
      const isCommand = service in packages || /^\s--[a-z]/u.test(rest);
      return isCommand ? [`aws ${name}: AWS has no such command`] : [];
    }
    const known = new Set([...ofEveryCommand, ...(modelled ?? []), ...(more ?? [])]);
    return [...rest.matchAll(/(?<=^|\s)--([a-z][a-z0-9-]*)/gu)].flatMap(([, option = '']) =>
      known.has(option) || known.has(option.replace(/^no-/u, ''))
        ? []
        : [`aws ${name} --${option}: AWS has no such option`],
    );
  });
}
