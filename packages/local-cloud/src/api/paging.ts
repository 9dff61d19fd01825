import { AwsError } from '../base/errors.ts';

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextToken: string | undefined;
}

/**
 * One page of a list. A token is bound to the request that it came from, as AWS demands.
 *
 * @param request what the token is bound to: the request without its token
 * @throws AwsError `InvalidNextToken` for a token that this list has not given
 */
export function pageOf<Item>(
  items: readonly Item[],
  size: number,
  token: string | undefined,
  request: unknown,
): Page<Item> {
  const key = JSON.stringify(request);
  const start = token === undefined ? 0 : offsetOf(token, key);
  const end = start + size;
  return {
    items: items.slice(start, end),
    nextToken: end < items.length ? Buffer.from(JSON.stringify([end, key])).toString('base64') : undefined,
  };
}

function offsetOf(token: string, key: string): number {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(token, 'base64').toString('utf8'));
    if (Array.isArray(parsed) && typeof parsed[0] === 'number' && parsed[1] === key) return parsed[0];
  } catch {
    // falls through to the one error there is for a token
  }
  throw new AwsError(
    'InvalidNextToken',
    'The specified NextToken is not valid, or belongs to another request.',
  );
}
