import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build, type Plugin } from 'esbuild';
import { evaluateTemplate, type Json, type JsonObject } from 'local-cloud/cloudformation';
import * as v from 'valibot';
import { BenchError } from '../meter.ts';

/** The function `sync` of one state of the project, as it would be deployed. */
export interface Edition {
  readonly functionName: string;
  /** The bundle's path, and the name of the handler in it. */
  readonly bundle: string;
  readonly handler: string;
  readonly memoryMiB: number;
  readonly timeoutSeconds: number;
  /** What serverless.yml has it find, with the names of resources as CloudFormation would make them. */
  readonly environment: Readonly<Record<string, string>>;
  /** The key attributes of the table, where there is one. */
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

/** What a function's environment can name. */
const named = new Set(['AWS::SSM::Document', 'AWS::DynamoDB::Table', 'AWS::SQS::Queue', 'AWS::SNS::Topic']);

/**
 * Reads serverless.yml, with the framework, and bundles the function as the package has it.
 *
 * @param directory the project, or another state of it with this one's packages
 * @param output where the bundle goes
 * @throws {BenchError} where that cannot be had
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
      ...{ Parameters: resources.Parameters, Conditions: resources.Conditions, Resources: own },
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
    tableKeys: tableKeys(resources.Resources),
    pushDocument,
  };
}

async function print(directory: string, output: string): Promise<Printed> {
  const framework = join(directory, 'node_modules', 'serverless', 'bin', 'serverless.js');
  // The framework leaves folders behind in the directory for temporary files
  const temporary = join(output, 'tmp');
  mkdirSync(temporary, { recursive: true });
  try {
    const words = [framework, 'print', '--format', 'json', '--region', account.region];
    const { stdout } = await run(process.execPath, words, {
      ...{ cwd: directory, maxBuffer: 64 * 2 ** 20 },
      env: { ...process.env, TMPDIR: temporary },
    });
    return v.parse(printedSchema, JSON.parse(stdout));
  } catch (cause) {
    throw new BenchError(`serverless.yml cannot be read: ${said(cause)}`, { cause });
  }
}

/** With the options that serverless-esbuild would hand on, and its defaults. */
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
      ...{ bundle: true, platform: 'node', logLevel: 'silent' },
      target: provider.runtime.replace(/^nodejs(\d+)\.x$/u, 'node$1'),
      ...{ minify, format, external: exclude, plugins: made },
      ...(mainFields !== undefined && { mainFields }),
      ...{ absWorkingDir: directory, entryPoints: [source], outfile: bundle },
    });
  } catch (cause) {
    throw new BenchError(`${source} cannot be bundled: ${said(cause)}`, { cause });
  }
  return bundle;
}

/** Names may be among them, and FifoQueue; what refers to other resources is not needed. */
function scalars(properties: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => typeof value !== 'object'));
}

const tableSchema = v.object({ KeySchema: v.array(v.object({ AttributeName: v.string() })) });

function tableKeys(resources: Printed['resources']['Resources']): readonly string[] {
  const table = Object.values(resources).find(({ Type }) => Type === 'AWS::DynamoDB::Table');
  if (table === undefined) return [];
  return v.parse(tableSchema, table.Properties).KeySchema.map(({ AttributeName }) => AttributeName);
}

/** The first edition: one look at all groups, and one after the other under one deadline. */
export const firstEdition = 'f339c6c';

/**
 * The project as it was at a commit, with the packages of now.
 *
 * @throws {BenchError} where the commit is not there, as in a shallow clone
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

/** The last line of what a program has printed on its standard error, or the error's own words. */
function said(error: unknown): string {
  const printed = v.safeParse(v.object({ stderr: v.string() }), error);
  const [line] = printed.success ? printed.output.stderr.trim().split('\n').slice(-1) : [];
  if (line !== undefined && line !== '') return line;
  return error instanceof Error ? error.message : String(error);
}
