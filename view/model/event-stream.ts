export interface ServerSentEvent {
  readonly type: string;
  readonly data: string;
  readonly id?: string | undefined;
}

/**
 * Reads server-sent events from pieces of text, wherever the pieces are cut. A browser's own EventSource cannot send a header, and so no token.
 * Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export class EventStreamReader {
  #rest = '';
  #fields: { type?: string; id?: string; data: string[] } = { data: [] };

  /** @returns the events that are whole now; an empty list is a sign of life too */
  read(piece: string): readonly ServerSentEvent[] {
    const lines = (this.#rest + piece).split('\n');
    this.#rest = lines.pop() ?? '';
    return lines.flatMap((line) => this.#line(line.endsWith('\r') ? line.slice(0, -1) : line));
  }

  #line(line: string): readonly ServerSentEvent[] {
    if (line === '') return this.#end();
    const at = line.indexOf(':');
    const name = at < 0 ? line : line.slice(0, at);
    const value = at < 0 ? '' : line.slice(at + 1).replace(/^ /, '');
    if (name === 'event') this.#fields.type = value;
    else if (name === 'id') this.#fields.id = value;
    else if (name === 'data') this.#fields.data.push(value);
    return [];
  }

  #end(): readonly ServerSentEvent[] {
    const { type = 'message', id, data } = this.#fields;
    this.#fields = { data: [] };
    return data.length === 0 ? [] : [{ type, data: data.join('\n'), id }];
  }
}
