// Runs the handler of a bundle once: `runtime.ts BUNDLE HANDLER`, with an IPC channel to the benchmark.
import { pathToFileURL } from 'node:url';
import type { FromRuntime, ToRuntime } from './invocation.ts';

const [bundle = '', name = ''] = process.argv.slice(2);
const say = (message: FromRuntime) => process.send?.(message);
const module: Readonly<Record<string, unknown>> = await import(pathToFileURL(bundle).href);
const handler = module[name];
if (typeof handler !== 'function') throw new Error(`${bundle} exports no function ${name}`);

process.once('message', async ({ event, timeoutSeconds }: ToRuntime) => {
  const deadline = Date.now() + timeoutSeconds * 1000;
  const { env } = process;
  const context = {
    callbackWaitsForEmptyEventLoop: true,
    functionName: env['AWS_LAMBDA_FUNCTION_NAME'],
    functionVersion: env['AWS_LAMBDA_FUNCTION_VERSION'],
    invokedFunctionArn: `arn:aws:lambda:us-east-1:111122223333:function:${env['AWS_LAMBDA_FUNCTION_NAME']}`,
    memoryLimitInMB: env['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'],
    awsRequestId: '11111111-2222-4333-8444-555555555555',
    logGroupName: env['AWS_LAMBDA_LOG_GROUP_NAME'],
    logStreamName: env['AWS_LAMBDA_LOG_STREAM_NAME'],
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
  try {
    await handler(event, context);
    say({ kind: 'ended' });
  } catch (error) {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    say({ kind: 'ended', error: text });
  }
});
// The benchmark was killed
process.once('disconnect', () => process.exit(1));
say({ kind: 'ready' });
