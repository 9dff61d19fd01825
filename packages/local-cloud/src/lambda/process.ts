import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { requestId } from '../base/account.ts';
import { LocalCloudError } from '../base/errors.ts';
import { type Json, parseJson } from '../base/json.ts';

/** How an invocation ended. */
export type InvocationOutcome =
  | { readonly kind: 'success'; readonly result: Json }
  | {
      readonly kind: 'error';
      readonly type: string;
      readonly message: string;
      readonly trace: readonly string[];
    };

export interface Invocation {
  readonly requestId: string;
  readonly payload: Json;
  readonly functionArn: string;
  readonly timeoutSeconds: number;
  readonly onLog: (line: string) => void;
}

export interface ProcessOptions {
  readonly taskRoot: string;
  readonly handler: string;
  readonly memoryMegabytes: number;
  /** everything that the process sees of an environment, but for the address of its Runtime API */
  readonly environment: Readonly<Record<string, string>>;
}

interface Running {
  readonly invocation: Invocation;
  readonly finish: (outcome: InvocationOutcome) => void;
  timer: NodeJS.Timeout | undefined;
  delivered: boolean;
}

// INIT has ten seconds on AWS: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
const initSeconds = 10;
const runtimeFile = fileURLToPath(new URL('./runtime.mjs', import.meta.url));
const errorSchema = v.object({
  errorType: v.optional(v.string(), 'Error'),
  errorMessage: v.optional(v.string(), ''),
  trace: v.optional(v.array(v.string()), []),
});

/** One execution environment: a Node process that runs a bundle, one invocation at a time. */
export class LambdaProcess {
  readonly #child: ChildProcess;
  readonly #server: Server;
  readonly #endMark = `\u0001${requestId()} `;
  readonly #ends = new Map<string, number>();
  #waiting: ServerResponse | undefined;
  #running: Running | undefined;
  #dead: InvocationOutcome | undefined;
  readonly exited: Promise<void>;

  private constructor(server: Server, address: string, options: ProcessOptions) {
    this.#server = server;
    server.on('request', (request, response) => void this.#serve(request, response));
    this.#child = spawn(
      process.execPath,
      [
        // nodejs24.x on Lambda runs without these two: https://docs.aws.amazon.com/lambda/latest/dg/lambda-nodejs.html
        '--no-experimental-require-module',
        '--no-experimental-detect-module',
        `--max-old-space-size=${options.memoryMegabytes}`,
        runtimeFile,
        this.#endMark,
      ],
      {
        cwd: options.taskRoot,
        env: { ...options.environment, AWS_LAMBDA_RUNTIME_API: address, _HANDLER: options.handler },
        stdio: ['pipe', 'pipe', 'pipe'],
      },
    );
    this.#child.stdin?.on('error', () => undefined);
    this.#readLines(this.#child.stdout);
    this.#readLines(this.#child.stderr);
    this.exited = new Promise((resolve) => {
      this.#child.once('error', () => resolve());
      this.#child.once('close', (code, signal) => {
        const message = `RequestId: ${this.#running?.invocation.requestId ?? ''} Error: Runtime exited with ${signal === null ? `exit status ${code}` : `error: signal: ${signal}`}`;
        this.#dead ??= { kind: 'error', type: 'Runtime.ExitError', message, trace: [] };
        this.#end(this.#dead);
        this.#server.closeAllConnections();
        this.#server.close();
        resolve();
      });
    });
  }

  static async start(options: ProcessOptions): Promise<LambdaProcess> {
    const server = createServer({ requestTimeout: 0, keepAliveTimeout: 0 });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string')
      throw new LocalCloudError('the Runtime API has no port');
    return new LambdaProcess(server, `127.0.0.1:${address.port}`, options);
  }

  get alive(): boolean {
    return this.#dead === undefined;
  }

  /** Runs one invocation to its end; the process is dead after a timeout or an error outside of the handler. */
  async invoke(invocation: Invocation): Promise<InvocationOutcome> {
    if (this.#dead !== undefined) return this.#dead;
    if (this.#running !== undefined) throw new LocalCloudError('one invocation at a time');
    const { promise, resolve } = Promise.withResolvers<InvocationOutcome>();
    const running: Running = { invocation, finish: resolve, timer: undefined, delivered: false };
    this.#running = running;
    running.timer = setTimeout(() => {
      this.#kill('Sandbox.Timedout', `Init did not end within ${initSeconds} seconds`);
    }, initSeconds * 1000);
    this.#deliver();
    const outcome = await promise;
    await this.#logsRead(invocation.requestId);
    this.#running = undefined;
    return outcome;
  }

  /** Ends the process at once. */
  async kill(): Promise<void> {
    this.#kill('Runtime.Killed', 'the local cloud closed');
    await this.exited;
  }

  /** SIGKILL from outside, as when the machine below it fails; what runs is an error that Lambda tries again. */
  crash(): void {
    this.#child.kill('SIGKILL');
  }

  #kill(type: string, message: string): void {
    this.#dead ??= { kind: 'error', type, message, trace: [] };
    this.#child.kill('SIGKILL');
  }

  #end(outcome: InvocationOutcome): void {
    clearTimeout(this.#running?.timer);
    this.#running?.finish(outcome);
  }

  /** Hands the invocation over when both are there: it, and a process that asks for it. */
  #deliver(): void {
    const response = this.#waiting;
    const running = this.#running;
    if (response === undefined || running === undefined || running.delivered) return;
    running.delivered = true;
    this.#waiting = undefined;
    const { invocation } = running;
    const seconds = invocation.timeoutSeconds;
    clearTimeout(running.timer);
    running.timer = setTimeout(() => {
      this.#kill(
        'Sandbox.Timedout',
        `RequestId: ${invocation.requestId} Error: Task timed out after ${seconds.toFixed(2)} seconds`,
      );
    }, seconds * 1000);
    response.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': invocation.requestId,
      'lambda-runtime-deadline-ms': String(Date.now() + seconds * 1000),
      'lambda-runtime-invoked-function-arn': invocation.functionArn,
      'lambda-runtime-trace-id': `Root=1-${Math.floor(Date.now() / 1000).toString(16)}-${'0'.repeat(24)};Sampled=0`,
    });
    response.end(JSON.stringify(invocation.payload));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').replace('/2018-06-01/runtime/', '');
    if (path === 'invocation/next') {
      this.#waiting = response;
      this.#deliver();
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const body = Buffer.concat(chunks).toString('utf8');
    response.writeHead(202).end('{}');
    if (path === 'init/error') {
      this.#dead = toError(body);
      this.#child.kill('SIGKILL');
    } else if (path.endsWith('/response')) {
      this.#end({ kind: 'success', result: parseJson(body) });
    } else {
      this.#end(toError(body));
    }
  }

  // node:readline would also split at the \r that Lambda's console puts in place of a newline
  #readLines(stream: Readable | null): void {
    let rest = '';
    stream?.setEncoding('utf8');
    stream?.on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#line(line);
    });
    stream?.on('end', () => {
      if (rest !== '') this.#line(rest);
    });
  }

  #line(line: string): void {
    if (line.startsWith(this.#endMark)) {
      const id = line.slice(this.#endMark.length);
      this.#ends.set(id, (this.#ends.get(id) ?? 0) + 1);
    } else {
      this.#running?.invocation.onLog(line);
    }
  }

  /** Waits until everything that the invocation wrote was read: both streams have shown its mark, or are closed. */
  async #logsRead(id: string): Promise<void> {
    for (let tries = 0; tries < 200 && this.alive && (this.#ends.get(id) ?? 0) < 2; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    this.#ends.delete(id);
  }
}

function toError(body: string): InvocationOutcome {
  const parsed = v.parse(errorSchema, parseJson(body));
  return { kind: 'error', type: parsed.errorType, message: parsed.errorMessage, trace: parsed.trace };
}
