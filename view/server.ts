import { randomBytes } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import * as v from 'valibot';
import { dataRefusal, pageRefusal, type Refusal, securityHeaders } from './access.ts';
import { type Asset, bundlePage } from './bundle.ts';
import { Feed } from './feed.ts';
import { listenOnLoopback, type Network } from './listen.ts';
import { ActionRefusedError, type Actions, type Aimed, type Source } from './source.ts';

export interface ViewOptions {
  /** Default: any free one. */
  readonly port?: number;
  /** Seconds between two looks at the source; default 2. */
  readonly every?: number;
  /** Look also while nobody has the page open; default: no. */
  readonly always?: boolean;
  /** What the page's buttons do; default: nothing can be done. */
  readonly actions?: Actions;
  /** Default: the network that this process is in. */
  readonly network?: Network;
  /** Default: 256 random bits. */
  readonly token?: string;
}

export interface View {
  /** For the operator to open; holds the token. */
  readonly address: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Less than the time after which the page takes the connection for lost (page/connection.ts). */
const signOfLifeSeconds = 10;

const aimedSchema = v.strictObject({
  group: v.pipe(v.string(), v.maxLength(256)),
  host: v.optional(v.pipe(v.string(), v.maxLength(256))),
});

/** Serves the page on 127.0.0.1 until `close`. The token stands behind the #, which browsers send to nobody. */
export async function startView(source: Source, options: ViewOptions = {}): Promise<View> {
  const token = options.token ?? randomBytes(32).toString('base64url');
  const assets = await bundlePage();
  const feed = new Feed(source, { every: options.every ?? 2, always: options.always ?? false });
  const server = createServer();
  const port = await listenOnLoopback(server, { port: options.port ?? 0, network: options.network ?? 'own' });
  const site = new Site({ port, token, assets, feed, actions: options.actions ?? {} });
  server.on('request', (request, response) => void site.answer(request, response));
  feed.start();
  return {
    address: `http://127.0.0.1:${port}/#${token}`,
    port,
    close: async () => {
      await feed.close();
      await closeServer(server);
    },
  };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((done) => {
    server.close(() => done());
    server.closeAllConnections();
  });
}

interface SiteParts {
  readonly port: number;
  readonly token: string;
  readonly assets: ReadonlyMap<string, Asset>;
  readonly feed: Feed;
  readonly actions: Actions;
}

class Site {
  readonly #parts: SiteParts;

  constructor(parts: SiteParts) {
    this.#parts = parts;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
    try {
      await this.#route(request, response);
    } catch (error) {
      if (response.headersSent) response.destroy();
      else send(response, 500, { reason: error instanceof Error ? error.message : String(error) });
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = { method: request.method ?? '', headers: request.headers };
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1');
    const isData = pathname.startsWith('/api/');
    const refusal = isData ? dataRefusal(asked, this.#parts) : pageRefusal(asked, this.#parts);
    if (refusal !== undefined) return refuse(response, refusal);
    const action = /^\/api\/actions\/([a-z-]{1,40})$/.exec(pathname)?.[1];
    if (action !== undefined) return this.#act(action, request, response);
    if (request.method === 'POST') return send(response, 405, { reason: 'Nothing is changed here.' });
    if (pathname === '/api/state') return this.#state(response);
    if (pathname === '/api/events')
      return this.#stream(
        searchParams.get('since') ?? String(request.headers['last-event-id'] ?? ''),
        response,
      );
    const asset = this.#parts.assets.get(pathname);
    if (asset === undefined) return send(response, 404, { reason: 'There is no such page.' });
    response.writeHead(200, { 'Content-Type': asset.type, 'Content-Length': asset.body.length });
    response.end(request.method === 'HEAD' ? undefined : asset.body);
  }

  async #state(response: ServerResponse): Promise<void> {
    const { feed } = this.#parts;
    const stop = feed.watch();
    try {
      if (feed.log.firstDraw() === undefined) await feed.look();
      const draw = feed.log.firstDraw();
      if (draw === undefined) send(response, 503, { reason: feed.failure ?? 'Nothing is known yet.' });
      else send(response, 200, draw);
    } finally {
      stop();
    }
  }

  /** Server-sent events. Each begins after a cursor, so that a connection which was lost loses nothing and repeats nothing. */
  #stream(since: string, response: ServerResponse): void {
    const { feed } = this.#parts;
    response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' });
    let cursor = since;
    let failure: string | undefined;
    const flush = () => {
      const entries = feed.log.since(cursor);
      if (entries === 'too-old') {
        response.end('event: reset\ndata: {}\n\n');
        return;
      }
      for (const { cursor: id, entry } of entries) {
        response.write(`id: ${id}\nevent: ${entry.type}\ndata: ${JSON.stringify(entry.data)}\n\n`);
        cursor = id;
      }
    };
    const sign = () => {
      response.write(': still here\n\n');
      if (feed.failure === failure) return;
      failure = feed.failure;
      response.write(`event: source\ndata: ${JSON.stringify({ failure: failure ?? null })}\n\n`);
    };
    const timer = setInterval(sign, signOfLifeSeconds * 1_000);
    const unlisten = feed.log.listen(flush);
    const unwatch = feed.watch();
    response.on('close', () => {
      clearInterval(timer);
      unlisten();
      unwatch();
    });
    sign();
    flush();
  }

  async #act(name: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'POST') return send(response, 405, { reason: 'POST.' });
    const action = Object.hasOwn(this.#parts.actions, name) ? this.#parts.actions[name] : undefined;
    if (action === undefined) return send(response, 404, { reason: 'This page changes nothing here.' });
    const aimed = await readAimed(request);
    if (aimed === undefined) return send(response, 400, { reason: 'The request is not understood.' });
    try {
      const watch = await action(aimed);
      send(response, 202, { watch });
    } catch (error) {
      if (!(error instanceof ActionRefusedError)) throw error;
      send(response, 409, { reason: error.message });
    } finally {
      this.#parts.feed.hurry();
    }
  }
}

function refuse(response: ServerResponse, { status, reason }: Refusal): void {
  send(response, status, { reason });
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' });
  response.end(text);
}

const mostBytes = 4_096;

/** Nothing: what was sent is no request of the page's. */
async function readAimed(request: IncomingMessage): Promise<Aimed | undefined> {
  if (request.headers['content-type'] !== 'application/json') return undefined;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) return undefined;
    length += chunk.length;
    if (length > mostBytes) return undefined;
    chunks.push(chunk);
  }
  try {
    const parsed = v.safeParse(aimedSchema, JSON.parse(Buffer.concat(chunks).toString('utf8')));
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined;
  }
}
