/** A plan as a text to review: an action a line, with all that it holds. Instances are called by their numbers. */
export function describePlan(actions: readonly { readonly kind: string; readonly reason: string }[]): string {
  const lines = actions.map(({ kind, reason, ...rest }) => {
    const text = JSON.stringify(rest, (_key, value: unknown) =>
      value instanceof Map ? Object.fromEntries(value) : value,
    );
    return `${kind}: ${reason}\n    ${text.replaceAll('","', '", "').replaceAll(',"', ', "')}`;
  });
  return (lines.length === 0 ? ['nothing'] : lines)
    .join('\n')
    .replaceAll(
      /i-0*([0-9a-f]+)(?![0-9a-f])/gu,
      (_, digits: string) => `host-${Number.parseInt(digits, 16)}`,
    );
}
