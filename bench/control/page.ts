/** One page of a list; the token is where the next one begins. */
export function page<Item>(
  items: readonly Item[],
  size: number,
  token: string | undefined,
): { readonly items: readonly Item[]; readonly nextToken: string | undefined } {
  const start = token === undefined ? 0 : Number(token);
  const end = start + size;
  return { items: items.slice(start, end), nextToken: end < items.length ? String(end) : undefined };
}
