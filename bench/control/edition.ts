import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build, type Plugin } from 'esbuild';
import { evaluateTemplate, type Json, type JsonObject } from 'local-cloud/cloudformation';
import * as v from 'valibot';
import { BenchError } from '../meter.ts';

/** The function `sync` of one commit of the project, as a deployment would make it. */
export interface Edition {
  readonly functionName: string;
  /** The bundle's path, and the name of the handler in it. */
  readonly bundle: string;
  readonly handler: string;
  readonly memoryMiB: number;
  readonly timeoutSeconds: number;
  /** The variables of serverless.yml, with the names that CloudFormation would give the resources. */
  readonly environment: Readonly<Record<string, string>>;
  /** The name of the table, and its key attributes; both empty without a table. */
  readonly table: string;
  readonly tableKeys: readonly string[];
  /** The SSM document that runs a push. */
  readonly pushDocument: string;
}

export const account = { accountId: '111122223333', region: 'us-east-1', partition: 'aws' };

const run = promisify(execFile);
const json: v.GenericSchema<unknown, Json> = v.lazy(() =>
  v.union([v.string(), v.number(), v.boolean(), v.null(), v.array(json), v.record(v.string(), json)]),
);
const values = v.optional(v.record(v.string(), json), {});
const resource = v.object({ Type: v.string(), Properties: values });
const printedSchema = v.object({
  provider: v.object({
    stackName: v.string(),
    runtime: v.pipe(v.string(), v.regex(/^nodejs\d+\.x$/u)),
    memorySize: v.optional(v.number(), 1024),
    timeout: v.optional(v.number(), 6),
    environment: values,
  }),
  custom: v.object({
    esbuild: v.looseObject({
      minify: v.optional(v.boolean(), false),
      format: v.optional(v.picklist(['esm', 'cjs']), 'cjs'),
      mainFields: v.optional(v.array(v.string())),
      exclude: v.optional(v.array(v.string()), []),
      plugins: v.optional(v.string()),
      outputFileExtension: v.optional(v.string(), '.js'),
    }),
  }),
  functions: v.object({
    sync: v.object({
      name: v.string(),
      handler: v.string(),
      memorySize: v.optional(v.number()),
      timeout: v.optional(v.number()),
      environment: values,
    }),
  }),
  resources: v.object({ Parameters: values, Conditions: values, Resources: v.record(v.string(), resource) }),
});
type Printed = v.InferOutput<typeof printedSchema>;

/** Types of resources whose names a function's environment may hold. */
const named = new Set(['AWS::SSM::Document', 'AWS::DynamoDB::Table', 'AWS::SQS::Queue', 'AWS::SNS::Topic']);

/**
 * Reads serverless.yml with the framework, and bundles the function as the package does.
 *
 * @param directory the project, or another commit of it with this one's node_modules
 * @param output a directory for the bundle
 * @throws {BenchError} when serverless.yml cannot be read or the function cannot be bundled
 */
export async function readEdition(directory: string, output: string): Promise<Edition> {
  const printed = await print(directory, output);
  const { provider, functions, resources } = printed;
  const { sync } = functions;
  const bundle = await bundleOf(directory, output, printed);
  const own = Object.fromEntries(
    Object.entries(resources.Resources).flatMap(([id, { Type, Properties }]) =>
      named.has(Type) ? [[id, { Type, Properties: scalars(Properties) }] as const] : [],
    ),
  );
  const texts = { ...provider.environment, ...sync.environment };
  const { outputs } = evaluateTemplate(
    {
      Parameters: resources.Parameters,
      Conditions: resources.Conditions,
      Resources: own,
      Outputs: Object.fromEntries(Object.entries(texts).map(([name, Value]) => [name, { Value }])),
    },
    { account, stackName: provider.stackName, parameters: {} },
  );
  const environment = Object.fromEntries(
    Object.entries(outputs).map(([name, value]) => [name, String(value)]),
  );
  const pushDocument = Object.entries(environment).find(([name]) => /PUSH_DOCUMENT$/u.test(name))?.[1];
  if (pushDocument === undefined)
    throw new BenchError(
      'the environment of sync names no document of a push: name it in bench/control/edition.ts',
    );
  return {
    functionName: sync.name,
    bundle,
    handler: sync.handler.slice(sync.handler.lastIndexOf('.') + 1),
    memoryMiB: sync.memorySize ?? provider.memorySize,
    timeoutSeconds: sync.timeout ?? provider.timeout,
    environment,
    table: Object.entries(environment).find(([name]) => /_TABLE$/u.test(name))?.[1] ?? '',
    tableKeys: tableKeys(resources.Resources),
    pushDocument,
  };
}

async function print(directory: string, output: string): Promise<Printed> {
  const framework = join(directory, 'node_modules', 'serverless', 'bin', 'serverless.js');
  // The framework leaves folders behind in TMPDIR
  const temporary = join(output, 'tmp');
  mkdirSync(temporary, { recursive: true });
  try {
    const words = [framework, 'print', '--format', 'json', '--region', account.region];
    const { stdout } = await run(process.execPath, words, {
      cwd: directory,
      maxBuffer: 64 * 2 ** 20,
      env: { ...process.env, TMPDIR: temporary },
    });
    return v.parse(printedSchema, JSON.parse(stdout));
  } catch (cause) {
    throw new BenchError(`serverless.yml cannot be read: ${said(cause)}`, { cause });
  }
}

/** Bundles with the options that serverless-esbuild passes on, and its defaults. */
async function bundleOf(
  directory: string,
  output: string,
  { provider, custom, functions }: Printed,
): Promise<string> {
  const { minify, format, mainFields, exclude, plugins, outputFileExtension } = custom.esbuild;
  const source = functions.sync.handler.replace(/\.[^.]+$/u, '.ts');
  const bundle = join(output, `sync${outputFileExtension}`);
  try {
    const made: Plugin[] =
      plugins === undefined ? [] : createRequire(import.meta.url)(join(directory, plugins));
    await build({
      bundle: true,
      platform: 'node',
      logLevel: 'silent',
      target: provider.runtime.replace(/^nodejs(\d+)\.x$/u, 'node$1'),
      minify,
      format,
      external: exclude,
      plugins: made,
      ...(mainFields !== undefined && { mainFields }),
      absWorkingDir: directory,
      entryPoints: [source],
      outfile: bundle,
    });
  } catch (cause) {
    throw new BenchError(`${source} cannot be bundled: ${said(cause)}`, { cause });
  }
  return bundle;
}

/** The properties that make a resource's name, such as QueueName and FifoQueue. The others may refer to resources that are not here. */
function scalars(properties: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => typeof value !== 'object'));
}

const tableSchema = v.object({ KeySchema: v.array(v.object({ AttributeName: v.string() })) });

function tableKeys(resources: Printed['resources']['Resources']): readonly string[] {
  const table = Object.values(resources).find(({ Type }) => Type === 'AWS::DynamoDB::Table');
  if (table === undefined) return [];
  return v.parse(tableSchema, table.Properties).KeySchema.map(({ AttributeName }) => AttributeName);
}

/** The last commit of the first edition, whose functions look at all groups and work through them in a row. */
export const firstEdition = 'f339c6c';

/**
 * Copies a commit of the project into a directory, and links node_modules to it.
 *
 * @throws {BenchError} when the commit is missing, as in a shallow clone
 */
export async function checkOut(project: string, commit: string, directory: string): Promise<void> {
  const archive = `${directory}.tar`;
  mkdirSync(directory, { recursive: true });
  try {
    await run('git', ['-C', project, 'archive', '--output', archive, commit]);
    await run('tar', ['-xf', archive, '-C', directory]);
  } catch (cause) {
    throw new BenchError(`the commit ${commit} is not there: ${said(cause)}`, { cause });
  }
  const packages = join(directory, 'node_modules');
  if (!existsSync(packages)) symlinkSync(join(project, 'node_modules'), packages);
}

/** The last line of a program's standard error, or the error's message. */
function said(error: unknown): string {
  const printed = v.safeParse(v.object({ stderr: v.string() }), error);
  const [line] = printed.success ? printed.output.stderr.trim().split('\n').slice(-1) : [];
  if (line !== undefined && line !== '') return line;
  return error instanceof Error ? error.message : String(error);
}
