/** The time of a tag, in milliseconds since 1970; 0 for none, or one that cannot be read. */
export function parseTime(value: string | undefined): number {
  const at = Date.parse(value ?? '');
  return Number.isNaN(at) ? 0 : at;
}

/** Whole seconds from one time to another, both in milliseconds; never less than 0, whatever the clocks say. */
export function secondsBetween(from: number, to: number): number {
  return Math.max(0, Math.round((to - from) / 1000));
}
