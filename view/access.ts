import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export interface AccessRules {
  readonly port: number;
  readonly token: string;
}

export interface Asked {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
}

/** Why nobody may have an answer to this request, with the status to say it with. */
export interface Refusal {
  readonly status: 400 | 401 | 403 | 405 | 415;
  readonly reason: string;
}

/**
 * Refuses what no browser of the operator's sends to this page. A page elsewhere can make a browser ask 127.0.0.1 under a name of its own
 * (DNS rebinding): its Host header gives it away.
 */
export function pageRefusal({ method, headers }: Asked, { port }: AccessRules): Refusal | undefined {
  const names = [`127.0.0.1:${port}`, `localhost:${port}`];
  if (headers.host === undefined || !names.includes(headers.host))
    return { status: 403, reason: 'This address has another name. Use the address that hostsync printed.' };
  const { origin, 'sec-fetch-site': site } = headers;
  if (origin !== undefined && !names.some((name) => origin === `http://${name}`))
    return { status: 403, reason: 'Another page asked.' };
  // "none": the operator typed the address. A link elsewhere may lead here too, but only to the page, which holds nothing
  if (site === 'cross-site' && headers['sec-fetch-mode'] !== 'navigate')
    return { status: 403, reason: 'Another page asked.' };
  if (!['GET', 'HEAD', 'POST'].includes(method)) return { status: 405, reason: 'GET, HEAD or POST.' };
  return undefined;
}

/** What holds for everything that says or changes something, on top of that. */
export function dataRefusal(asked: Asked, rules: AccessRules): Refusal | undefined {
  const refused = pageRefusal(asked, rules);
  if (refused !== undefined) return refused;
  const given = /^Bearer (.+)$/.exec(asked.headers.authorization ?? '')?.[1] ?? '';
  if (!isSame(given, rules.token))
    return { status: 401, reason: 'The token is wrong. Use the address that hostsync printed.' };
  return undefined;
}

/** Takes as long whatever differs. */
function isSame(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

/** Scripts and styles come from the server's own files only; nothing is loaded from, sent to or shown in another page. */
export const securityHeaders: Readonly<Record<string, string>> = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'Cache-Control': 'no-store',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
};
