import { EventStreamReader, type ServerSentEvent } from '../model/event-stream.ts';
import type { Entry, FirstDraw } from '../model/live.ts';

/** The server says something every ten seconds, if only that it is there. */
const lostAfterSeconds = 25;
const waits = [1, 2, 4, 8];

export interface Listener {
  draw(first: FirstDraw): void;
  entry(entry: Entry): void;
  /** Why the server cannot look, or null: it can again. */
  source(failure: string | null): void;
  /** Undefined: the connection is there. */
  lost(reason: 'token' | 'connection' | undefined): void;
}

class WrongTokenError extends Error {
  override readonly name = 'WrongTokenError';
}

/** The token comes with the address and does not stay there: an address is easily shown and copied. A reload still has it. */
export function takeToken(): string {
  const given = location.hash.slice(1);
  const isToken = /^[\w-]{20,}$/.test(given);
  if (isToken) {
    sessionStorage.setItem('token', given);
    history.replaceState(null, '', location.pathname);
  }
  return sessionStorage.getItem('token') ?? '';
}

export class Connection {
  readonly #token: string;
  readonly #listener: Listener;

  constructor(token: string, listener: Listener) {
    this.#token = token;
    this.#listener = listener;
  }

  /** Never ends, unless the token is wrong. */
  async run(): Promise<void> {
    let cursor: string | undefined;
    for (let failures = 0; ; ) {
      try {
        cursor ??= await this.#first();
        for await (const event of this.#stream(cursor)) {
          failures = 0;
          this.#listener.lost(undefined);
          if (event.type === 'reset') {
            cursor = undefined;
            break;
          }
          this.#take(event);
          cursor = event.id ?? cursor;
        }
      } catch (error) {
        if (error instanceof WrongTokenError) return this.#listener.lost('token');
        this.#listener.lost('connection');
        const wait = waits[Math.min(failures, waits.length - 1)] ?? 1;
        failures += 1;
        await new Promise((done) => setTimeout(done, wait * 1_000));
      }
    }
  }

  /** What the server says to a press of a button. */
  async act(name: string, aimed: Readonly<Record<string, string>>): Promise<Answer> {
    try {
      const response = await fetch(`/api/actions/${name}`, {
        method: 'POST',
        headers: { ...this.#headers(), 'Content-Type': 'application/json' },
        body: JSON.stringify(aimed),
      });
      const { watch, reason }: { watch?: string; reason?: string } = await response.json();
      return response.ok ? { ok: true, text: watch ?? '' } : { ok: false, text: reason ?? '' };
    } catch {
      return { ok: false, text: 'There is no connection.' };
    }
  }

  #headers(): Record<string, string> {
    return { Authorization: `Bearer ${this.#token}` };
  }

  async #first(): Promise<string> {
    const response = await fetch('/api/state', { headers: this.#headers() });
    if (response.status === 401) throw new WrongTokenError();
    const body = await response.json();
    if (!response.ok) {
      this.#listener.source(String(body.reason));
      throw new Error(String(body.reason));
    }
    const first: FirstDraw = body;
    this.#listener.draw(first);
    return first.cursor;
  }

  #take({ type, data }: ServerSentEvent): void {
    if (type === 'source') this.#listener.source(JSON.parse(data).failure);
    else if (type === 'state' || type === 'sample' || type === 'event' || type === 'push')
      this.#listener.entry({ type, data: JSON.parse(data) });
  }

  /** Ends with an error: when the server is gone, or silent for too long. A sign of life is an event of its own. */
  async *#stream(since: string): AsyncGenerator<ServerSentEvent> {
    const abort = new AbortController();
    let timer = 0;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => abort.abort(), lostAfterSeconds * 1_000);
    };
    alive();
    try {
      const response = await fetch(`/api/events?since=${encodeURIComponent(since)}`, {
        headers: this.#headers(),
        signal: abort.signal,
      });
      if (response.status === 401) throw new WrongTokenError();
      if (!response.ok || response.body === null) throw new Error('no stream');
      const reader = new EventStreamReader();
      const pieces = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await pieces.read();
        if (done) throw new Error('the stream ended');
        alive();
        yield { type: 'alive', data: '' };
        yield* reader.read(value);
      }
    } finally {
      clearTimeout(timer);
      abort.abort();
    }
  }
}

export interface Answer {
  readonly ok: boolean;
  readonly text: string;
}
