// The runtime of a function's process: fetches invocations from the Runtime API and calls the handler of the bundle.
// The environment says where, as on AWS; its one argument marks the end of an invocation in the output.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { registerHooks } from 'node:module';
import { join, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { format } from 'node:util';

const env = process.env;
const endMark = process.argv[2];
const [host, port] = env.AWS_LAMBDA_RUNTIME_API.split(':');
let currentRequest = '';

// The pipe ends when the cloud's process dies, whatever kills it.
process.stdin.on('end', () => process.exit(0)).on('error', () => process.exit(0));
process.stdin.resume();

// On Lambda there is nothing above the bundle; here there may be the packages of a project.
registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    if (
      resolved.url.startsWith('file:') &&
      !fileURLToPath(resolved.url).startsWith(env.LAMBDA_TASK_ROOT + sep)
    ) {
      throw failure(
        'Runtime.ImportModuleError',
        `Error: Cannot find package '${specifier}': it is not in the bundle`,
      );
    }
    return resolved;
  },
});

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const sent = request({ host, port, method, path: `/2018-06-01/runtime/${path}` }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ headers: response.headers, body: Buffer.concat(chunks).toString('utf8') }),
      );
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

function errorBody(error) {
  if (!(error instanceof Error))
    return JSON.stringify({ errorType: typeof error, errorMessage: String(error), trace: [] });
  return JSON.stringify({
    errorType: error.name,
    errorMessage: error.message,
    trace: (error.stack ?? '').split('\n'),
  });
}

/** On Lambda, console writes one line an entry: with a prefix, or as JSON, by the function's log format. */
function patchConsole() {
  const levels = { log: 'INFO', info: 'INFO', debug: 'DEBUG', trace: 'TRACE', warn: 'WARN', error: 'ERROR' };
  for (const [method, level] of Object.entries(levels)) {
    console[method] = (...values) => {
      const timestamp = new Date().toISOString();
      const line =
        env.AWS_LAMBDA_LOG_FORMAT === 'JSON'
          ? JSON.stringify({
              timestamp,
              level,
              requestId: currentRequest,
              message: values.length === 1 ? values[0] : format(...values),
            })
          : [timestamp, currentRequest, level, format(...values).replaceAll('\n', '\r')].join('\t');
      process.stdout.write(`${line}\n`);
    };
  }
}

function failure(name, message) {
  const error = new Error(message);
  error.name = name;
  return error;
}

async function loadHandler() {
  const [, path, name] = /^(.*)\.([^.]+)$/.exec(env._HANDLER) ?? [];
  const file = ['.js', '.mjs', '.cjs']
    .map((ending) => join(env.LAMBDA_TASK_ROOT, path + ending))
    .find((f) => existsSync(f));
  if (file === undefined) throw failure('Runtime.ImportModuleError', `Error: Cannot find module '${path}'`);
  const module = await import(pathToFileURL(file).href);
  const handler = module[name] ?? module.default?.[name];
  if (typeof handler !== 'function')
    throw failure('Runtime.HandlerNotFound', `${env._HANDLER} is undefined or not exported`);
  if (handler.length >= 3) {
    throw failure(
      'Runtime.CallbackHandlerDeprecated',
      'AWS Lambda has removed support for callback-based function handlers starting with Node.js 24.',
    );
  }
  return handler;
}

function contextOf(headers) {
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
}

function markEnd() {
  process.stdout.write(`${endMark}${currentRequest}\n`);
  process.stderr.write(`${endMark}${currentRequest}\n`);
}

/** An error outside of the handler's own promise ends the process, as on AWS. */
function dieOf(type) {
  return (error) => {
    const body = errorBody(
      failure(type, error instanceof Error ? `${error.name}: ${error.message}` : String(error)),
    );
    const path = currentRequest === '' ? 'init/error' : `invocation/${currentRequest}/error`;
    call('POST', path, body).finally(() => process.exit(1));
  };
}

process.on('uncaughtException', dieOf('Runtime.UncaughtException'));
process.on('unhandledRejection', dieOf('Runtime.UnhandledPromiseRejection'));
patchConsole();
const handler = await loadHandler().catch(async (error) => {
  await call('POST', 'init/error', errorBody(error));
  process.exit(1);
});

for (;;) {
  const next = await call('GET', 'invocation/next');
  currentRequest = next.headers['lambda-runtime-aws-request-id'];
  env._X_AMZN_TRACE_ID = next.headers['lambda-runtime-trace-id'];
  let path = `invocation/${currentRequest}/response`;
  let body;
  try {
    body = JSON.stringify((await handler(JSON.parse(next.body), contextOf(next.headers))) ?? null);
  } catch (error) {
    path = `invocation/${currentRequest}/error`;
    body = errorBody(error);
  }
  markEnd();
  await call('POST', path, body);
}
