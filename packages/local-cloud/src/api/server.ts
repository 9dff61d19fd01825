import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type Account, requestId } from '../base/account.ts';
import type { Clock } from '../base/clock.ts';
import { AwsError, messageOf, UnservedError } from '../base/errors.ts';
import type { CallOutcome, Journal } from '../base/journal.ts';
import type { Iam } from '../iam/iam.ts';
import type { FunctionKills } from '../lambda/kills.ts';
import { sufferAfter, sufferBefore, UnansweredError } from './fault-effects.ts';
import type { CallFaults } from './faults.ts';
import { readRequest, type WireResponse, writeError, writeResult } from './protocol.ts';
import type { Caller, PreparedCall, Protocol, Service, WireRequest } from './registry.ts';

/** Credentials that the server knows, and who has them. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

interface Dependencies {
  readonly account: Account;
  readonly services: readonly Service[];
  readonly iam: Iam;
  readonly journal: Journal;
  readonly faults: CallFaults;
  readonly kills: FunctionKills;
  readonly clock: Clock;
}

/** Whose process a call comes from. */
interface Origin {
  readonly caller: Caller;
  readonly accessKeyId: string;
}

interface Scope {
  readonly accessKeyId: string;
  readonly region: string;
  readonly service: string;
}

const unknownProtocol: Protocol = { kind: 'query', namespace: 'http://local/' };
const anyJson: Protocol = { kind: 'json', version: '1.1', targetPrefix: '' };

/**
 * One endpoint for every service, as `AWS_ENDPOINT_URL` wants it. The service is told from the credential scope of the
 * SigV4 header, the caller from the access key. Signatures are not verified.
 */
export class AwsServer {
  readonly #deps: Dependencies;
  readonly #callers = new Map<string, { readonly caller: Caller; readonly sessionToken: string }>();
  readonly #server: Server;
  readonly #reported = new WeakSet<Error>();

  constructor(deps: Dependencies) {
    this.#deps = deps;
    // However long this process is held up, a connection that a client keeps is not closed just as it sends
    const options = { keepAliveTimeout: 0 };
    this.#server = createServer(options, (request, response) => void this.#serve(request, response));
  }

  /** Starts on a free port of the loopback interface. */
  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', resolve);
    });
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the server does not listen');
    return `http://127.0.0.1:${address.port}`;
  }

  /** Makes credentials for a caller; they are good until the server closes. */
  issue(caller: Caller): Credentials {
    const key = requestId().replaceAll('-', '').toUpperCase();
    const credentials: Credentials = {
      accessKeyId: `ASIA${key.slice(0, 16)}`,
      secretAccessKey: `local${key}`,
      sessionToken: `local-${requestId()}`,
    };
    this.#callers.set(credentials.accessKeyId, { caller, sessionToken: credentials.sessionToken });
    return credentials;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = requestId();
    const target = header(request, 'x-amz-target');
    let protocol = target === undefined ? unknownProtocol : anyJson;
    try {
      const body = await readBody(request);
      const scope = scopeOf(request);
      const service = this.#deps.services.find((candidate) => candidate.signingName === scope.service);
      if (service === undefined)
        throw unserved(`${scope.service} (${request.method} ${request.url})`, 'a file for it');
      protocol = service.protocol;
      const caller = this.#callerOf(request, scope, service);
      const wire = this.#wireRequest(service, request, body);
      const origin = { caller, accessKeyId: scope.accessKeyId };
      const outcome = await this.#call(service, origin, wire);
      if (outcome.kind === 'lost') request.socket.destroy();
      else send(response, writeResult(protocol, wire.operation, outcome.output, id));
    } catch (error) {
      send(response, writeError(protocol, this.#asAwsError(error), id));
    }
  }

  #wireRequest(service: Service, request: IncomingMessage, body: string): WireRequest {
    if (service.route !== undefined) {
      const routed = service.route(request.method ?? '', new URL(request.url ?? '', this.url), body);
      if (routed !== undefined) return routed;
      const what = `${service.signingName} (${request.method} ${request.url})`;
      throw unserved(what, `it to ${service.source}`);
    }
    const wire = readRequest(header(request, 'x-amz-target'), body);
    if (wire === undefined) throw new AwsError('MissingAction', 'The request names no operation.');
    return service.protocol.kind === 'json' || wire.input !== '' ? wire : { ...wire, input: {} };
  }

  #callerOf(request: IncomingMessage, scope: Scope, service: Service): Caller {
    const known = this.#callers.get(scope.accessKeyId);
    if (known === undefined || header(request, 'x-amz-security-token') !== known.sessionToken) {
      const code = {
        json: 'UnrecognizedClientException',
        'rest-json': 'UnrecognizedClientException',
        ec2: 'AuthFailure',
        query: 'InvalidClientTokenId',
        'rest-xml': 'InvalidClientTokenId',
      };
      const message = 'The security token included in the request is invalid.';
      throw new AwsError(code[service.protocol.kind], message, 403);
    }
    const isGlobal = service.isGlobal === true && scope.region === 'us-east-1';
    if (scope.region !== this.#deps.account.region && !isGlobal) {
      throw unserved(`the region ${scope.region} (the stack is in ${this.#deps.account.region})`, 'regions');
    }
    return known.caller;
  }

  /** One call from faults to answer; whatever comes of it is in the journal. */
  async #call(
    service: Service,
    { caller, accessKeyId }: Origin,
    wire: WireRequest,
  ): Promise<CallOutcome & { kind: 'ok' | 'lost' }> {
    const { kills } = this.#deps;
    const call = { function: caller.name, service: service.signingName, operation: wire.operation };
    const record = {
      at: new Date(),
      caller: caller.name,
      service: service.signingName,
      operation: wire.operation,
    };
    let prepared: PreparedCall | undefined;
    const write = (outcome: CallOutcome): void => {
      const resources = prepared?.access.map((check) => check.resource) ?? [];
      this.#deps.journal.calls.push({ ...record, input: prepared?.input ?? wire.input, resources, outcome });
    };
    try {
      const faults = this.#deps.faults.strike(service.signingName, wire.operation, wire.input);
      await sufferBefore(faults, service.protocol, this.#deps.clock);
      const known = service.operations.find((candidate) => candidate.name === wire.operation);
      if (known === undefined)
        throw unserved(`${service.signingName}:${wire.operation}`, `it to ${service.source}`);
      prepared = this.#prepare(known.prepare.bind(known), wire, caller, service);
      await this.#authorize(caller, prepared, service);
      if (kills.strike(call, 'before', accessKeyId))
        throw new UnansweredError('FunctionKilled', 'a fault killed the caller');
      const output = await prepared.run();
      const isLost = sufferAfter(faults);
      const lost = kills.strike(call, 'after', accessKeyId) || isLost;
      const outcome = { kind: lost ? ('lost' as const) : ('ok' as const), output };
      write(outcome);
      return outcome;
    } catch (error) {
      if (error instanceof UnansweredError) {
        write({ kind: 'error', code: error.code, message: error.message });
        return { kind: 'lost', output: undefined };
      }
      const aws = this.#asAwsError(error);
      write({ kind: 'error', code: aws.code, message: aws.message });
      if (kills.strike(call, 'after error', accessKeyId)) return { kind: 'lost', output: undefined };
      throw aws;
    }
  }

  #prepare(
    prepare: (input: unknown, caller: Caller) => PreparedCall,
    wire: WireRequest,
    caller: Caller,
    service: Service,
  ): PreparedCall {
    try {
      return prepare(wire.input, caller);
    } catch (error) {
      if (!(error instanceof AwsError) || error instanceof UnservedError) throw error;
      const message = `${service.signingName}:${wire.operation} by ${caller.name}: ${error.message}`;
      this.#deps.journal.problem('invalid-request', message);
      const code = {
        json: error.code,
        'rest-json': 'InvalidParameterValueException',
        ec2: 'InvalidParameterValue',
        query: 'InvalidParameter',
        'rest-xml': 'InvalidInput',
      };
      throw error.code === 'ValidationException'
        ? new AwsError(code[service.protocol.kind], error.message)
        : error;
    }
  }

  async #authorize(caller: Caller, prepared: PreparedCall, service: Service): Promise<void> {
    const denial = await this.#deps.iam.firstDenial(caller, prepared.access);
    if (denial === undefined) return;
    this.#deps.journal.problem('denied', denial.message);
    if (service.protocol.kind === 'ec2') {
      const message = `You are not authorized to perform this operation. ${denial.message}`;
      throw new AwsError('UnauthorizedOperation', message, 403);
    }
    if (service.protocol.kind === 'rest-json')
      throw new AwsError('AccessDeniedException', denial.message, 403);
    if (service.protocol.kind === 'json') throw new AwsError('AccessDeniedException', denial.message);
    throw new AwsError(service.deniedCode ?? 'AccessDenied', denial.message, 403);
  }

  /** Records what must not pass unseen; each error once, though it may come by here twice. */
  #asAwsError(error: unknown): AwsError {
    if (error instanceof UnservedError && !this.#reported.has(error)) {
      this.#reported.add(error);
      this.#deps.journal.problem('unserved', error.message);
    }
    if (error instanceof AwsError) return error;
    this.#deps.journal.problem('internal', messageOf(error));
    return new AwsError('InternalLocalCloudError', messageOf(error));
  }
}

function unserved(what: string, where: string): UnservedError {
  const message = `the local cloud does not serve ${what}; add ${where} in src/`;
  return new UnservedError('UnknownOperationException', message);
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}

function scopeOf(request: IncomingMessage): Scope {
  const credential = /Credential=([^/]+)\/\d{8}\/([^/]+)\/([^/]+)\/aws4_request/.exec(
    header(request, 'authorization') ?? '',
  );
  const [, accessKeyId, region, service] = credential ?? [];
  if (accessKeyId === undefined || region === undefined || service === undefined) {
    throw new AwsError('MissingAuthenticationToken', 'Request is missing Authentication Token', 403);
  }
  return { accessKeyId, region, service };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, wire: WireResponse): void {
  if (response.destroyed) return;
  response.writeHead(wire.status, { ...wire.headers });
  response.end(wire.body);
}
