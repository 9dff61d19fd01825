import type { AwsError } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import type { Protocol, WireRequest } from './registry.ts';

export interface WireResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Reads a request of the JSON protocols (`X-Amz-Target`) or the query protocols (`Action=`); undefined when it names no operation. */
export function readRequest(target: string | undefined, body: string): WireRequest | undefined {
  if (target !== undefined) {
    const operation = target.slice(target.indexOf('.') + 1);
    return { operation, input: body === '' ? {} : parseJson(body) };
  }
  const form = new URLSearchParams(body);
  const operation = form.get('Action');
  if (operation === null) return undefined;
  const fields = [...form].filter(([key]) => key !== 'Action' && key !== 'Version');
  return { operation, input: nest(fields) };
}

type Tree = Map<string, Tree | string>;

/** `Filter.1.Value.2=x` to `{ Filter: [{ Value: [, 'x'] }] }`: members that are all numbers are lists. */
function nest(fields: readonly (readonly [string, string])[]): unknown {
  const root: Tree = new Map();
  for (const [key, value] of fields) {
    const path = key.split('.');
    const last = path.pop() ?? '';
    let node = root;
    for (const part of path) {
      const next = node.get(part);
      const child: Tree = next instanceof Map ? next : new Map();
      node.set(part, child);
      node = child;
    }
    node.set(last, value);
  }
  return fromTree(root);
}

function fromTree(tree: Tree | string): unknown {
  if (typeof tree === 'string') return tree;
  const entries = [...tree];
  if (entries.length > 0 && entries.every(([key]) => /^\d+$/.test(key))) {
    return entries.toSorted(([a], [b]) => Number(a) - Number(b)).map(([, child]) => fromTree(child));
  }
  return Object.fromEntries(entries.map(([key, child]) => [key, fromTree(child)]));
}

export function writeResult(
  protocol: Protocol,
  operation: string,
  output: unknown,
  id: string,
): WireResponse {
  switch (protocol.kind) {
    case 'json':
      return json(`x-amz-json-${protocol.version}`, 200, JSON.stringify(output ?? {}), id);
    case 'rest-json':
      return json('json', 200, JSON.stringify(output ?? {}), id);
    case 'ec2': {
      const inner = `<requestId>${id}</requestId>${xmlMembers(output, 'item')}`;
      return xml(
        200,
        `<${operation}Response xmlns="${protocol.namespace}">${inner}</${operation}Response>`,
        id,
      );
    }
    case 'query': {
      const result = `<${operation}Result>${xmlMembers(output, 'member')}</${operation}Result>`;
      const metadata = `<ResponseMetadata><RequestId>${id}</RequestId></ResponseMetadata>`;
      return xml(
        200,
        `<${operation}Response xmlns="${protocol.namespace}">${result}${metadata}</${operation}Response>`,
        id,
      );
    }
    case 'rest-xml': {
      const inner = xmlMembers(output, undefined);
      return xml(
        200,
        `<${operation}Response xmlns="${protocol.namespace}">${inner}</${operation}Response>`,
        id,
      );
    }
  }
}

export function writeError(protocol: Protocol, error: AwsError, id: string): WireResponse {
  switch (protocol.kind) {
    case 'json':
    case 'rest-json': {
      const body = JSON.stringify({ __type: error.code, message: error.message, ...error.members });
      const type = protocol.kind === 'json' ? `x-amz-json-${protocol.version}` : 'json';
      const response = json(type, error.status, body, id);
      return { ...response, headers: { ...response.headers, 'x-amzn-errortype': error.code } };
    }
    case 'ec2': {
      const inner = `<Errors><Error>${xmlMembers({ Code: error.code, Message: error.message }, 'item')}</Error></Errors>`;
      return xml(error.status, `<Response>${inner}<RequestID>${id}</RequestID></Response>`, id);
    }
    case 'query':
    case 'rest-xml': {
      const type = error.status >= 500 ? 'Receiver' : 'Sender';
      const inner = `<Error>${xmlMembers({ Type: type, Code: error.code, Message: error.message }, 'member')}</Error>`;
      return xml(
        error.status,
        `<ErrorResponse xmlns="${protocol.namespace}">${inner}<RequestId>${id}</RequestId></ErrorResponse>`,
        id,
      );
    }
  }
}

function json(type: string, status: number, body: string, id: string): WireResponse {
  return {
    status,
    headers: { 'content-type': `application/${type}`, 'x-amzn-requestid': id },
    body,
  };
}

function xml(status: number, body: string, id: string): WireResponse {
  return {
    status,
    headers: { 'content-type': 'text/xml;charset=UTF-8', 'x-amzn-requestid': id },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n${body}`,
  };
}

/** @param itemName of the items of a list; undefined: the list's own name is theirs, again for each */
function xmlMembers(value: unknown, itemName: string | undefined): string {
  if (value === undefined || value === null) return '';
  if (Array.isArray(value) && itemName !== undefined)
    return value.map((item) => xmlElement(itemName, item, itemName)).join('');
  if (typeof value === 'object') {
    return Object.entries(value)
      .map(([name, child]) => xmlElement(name, child, itemName))
      .join('');
  }
  return escapeXml(String(value));
}

function xmlElement(name: string, value: unknown, itemName: string | undefined): string {
  if (Array.isArray(value) && itemName === undefined)
    return value.map((item) => xmlElement(name, item, itemName)).join('');
  return value === undefined ? '' : `<${name}>${xmlMembers(value, itemName)}</${name}>`;
}

function escapeXml(value: string): string {
  return value.replace(/[&<>"'\r\n\t]/g, (character) => `&#${character.charCodeAt(0)};`);
}
