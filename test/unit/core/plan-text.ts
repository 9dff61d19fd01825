/** A plan as a text to review: an action a line, with all that it holds. Instances are called by their numbers. */
export function describePlan(actions: readonly { readonly kind: string; readonly reason: string }[]): string {
  const lines = actions.map(({ kind, reason, ...rest }) => {
    const text = JSON.stringify(rest, (_key, value: unknown) =>
      value instanceof Map ? Object.fromEntries(value) : value,
    );
    return `${kind}: ${reason}\n    ${text}`;
  });
  return shorten((lines.length === 0 ? ['nothing'] : lines).join('\n'));
}

function shorten(text: string): string {
  return text
    .replaceAll('","', '", "')
    .replaceAll(',"', ', "')
    .replaceAll(/(ssh-ed25519 )(\w)\2{60,}/gu, '$1$2…')
    .replaceAll(/("digest":")[0-9a-f]{16}/gu, '$1…')
    .replaceAll(
      /i-0*([0-9a-f]+)(?![0-9a-f])/gu,
      (_, digits: string) => `host-${Number.parseInt(digits, 16)}`,
    );
}

/** What an operator is shown, as a text to review: a line for each fact, and for each entry of a list. */
export function describeView(view: object): string {
  const lines = Object.entries(view).flatMap(([key, value]: [string, unknown]) =>
    Array.isArray(value)
      ? value.map((entry) => `${key}: ${JSON.stringify(entry)}`)
      : value === undefined
        ? []
        : [`${key}: ${JSON.stringify(value)}`],
  );
  return shorten(lines.join('\n'));
}
