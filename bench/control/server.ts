import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import {
  AwsError,
  type Protocol,
  readRequest,
  type WireRequest,
  type WireResponse,
  writeError,
  writeResult,
} from 'local-cloud/api';
import * as v from 'valibot';

/** Answers one call. @throws AwsError when the call fails */
export type Operation = (input: unknown) => unknown;

/** One service of the fake AWS, by the name in the credential scope of a signature. */
export interface FakeService {
  readonly signingName: string;
  readonly protocol: Protocol;
  readonly operations: Readonly<Record<string, Operation>>;
  /** Finds the operation of a request in a REST protocol. */
  readonly route?: (method: string, url: URL) => WireRequest;
}

/** The operation throws AwsError for an input that does not fit the schema, so that nothing is answered by chance. */
export function operation<const Schema extends v.GenericSchema>(
  schema: Schema,
  answer: (input: v.InferOutput<Schema>) => unknown,
): Operation {
  return (input) => {
    const result = v.safeParse(schema, input);
    if (result.success) return answer(result.output);
    const members = result.issues.map((issue) => `${v.getDotPath(issue) ?? ''}: ${issue.message}`);
    throw new AwsError(
      'ValidationException',
      `the benchmark does not serve this input: ${members.join('; ')}`,
    );
  };
}

export interface Call {
  /** As `ssm:SendCommand`. */
  readonly api: string;
  readonly input: unknown;
  /** When its request arrived, in milliseconds of `performance.now()`. */
  readonly at: number;
}

export interface ServerOptions {
  readonly services: readonly FakeService[];
  /** From the arrival of a request to its answer, in milliseconds. */
  readonly delay: number;
  /** Called when a request arrives. @throws AwsError to fail the call */
  readonly onCall: (call: Call) => void;
}

/** The part of AWS that a tick calls. Every answer takes the same time, however many calls are open. */
export class FakeAws {
  readonly #options: ServerOptions;
  readonly #server: Server;
  /** Calls and inputs that are not served here. If there are any, the figures are wrong. */
  readonly unserved = new Set<string>();
  /** How much later than the delay answers were sent, in milliseconds. */
  readonly late = { answers: 0, total: 0, most: 0 };

  private constructor(options: ServerOptions) {
    this.#options = options;
    // A client with little CPU leaves connections idle for long
    this.#server = createServer({ keepAliveTimeout: 300_000 }, (request, response) => {
      void this.#serve(request, response);
    });
  }

  /** Starts on a free port of the loopback interface. */
  static async start(options: ServerOptions): Promise<FakeAws> {
    const fake = new FakeAws(options);
    await new Promise<void>((resolve, reject) => {
      fake.#server.once('error', reject);
      fake.#server.listen(0, '127.0.0.1', resolve);
    });
    return fake;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the server does not listen');
    return `http://127.0.0.1:${address.port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const at = performance.now();
    const wire = await this.#answer(request, at);
    const rest = this.#options.delay - (performance.now() - at);
    setTimeout(
      () => {
        const late = Math.max(0, performance.now() - at - this.#options.delay);
        this.late.answers += 1;
        this.late.total += late;
        this.late.most = Math.max(this.late.most, late);
        if (response.destroyed) return;
        response.writeHead(wire.status, { ...wire.headers });
        response.end(wire.body);
      },
      Math.max(0, rest),
    );
  }

  async #answer(request: IncomingMessage, at: number): Promise<WireResponse> {
    const body = await readBody(request);
    const name = /Credential=[^/]+\/\d{8}\/[^/]+\/([^/]+)\//u.exec(request.headers.authorization ?? '')?.[1];
    const service = this.#options.services.find(({ signingName }) => signingName === name);
    if (service === undefined) {
      this.unserved.add(`${name} (${request.method} ${request.url})`);
      return writeError({ kind: 'json', version: '1.1', targetPrefix: '' }, unknownOperation, randomUUID());
    }
    const { protocol } = service;
    try {
      const wire = this.#read(service, request, body);
      const api = `${service.signingName}:${wire.operation}`;
      this.#options.onCall({ api, input: wire.input, at });
      const run = service.operations[wire.operation];
      if (run === undefined) {
        this.unserved.add(api);
        throw unknownOperation;
      }
      return writeResult(protocol, wire.operation, run(wire.input), randomUUID());
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      if (error.code === 'ValidationException') this.unserved.add(error.message);
      return writeError(protocol, error, randomUUID());
    }
  }

  #read(service: FakeService, request: IncomingMessage, body: string): WireRequest {
    if (service.route !== undefined)
      return service.route(request.method ?? '', new URL(request.url ?? '/', this.url));
    const target = request.headers['x-amz-target'];
    const wire = readRequest(typeof target === 'string' ? target : undefined, body);
    if (wire === undefined) throw unknownOperation;
    return wire;
  }
}

const unknownOperation = new AwsError('UnknownOperationException', 'the benchmark does not serve this call');

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}
