/** The time of a tag, in milliseconds since 1970; 0 for none, or one that cannot be read. */
export function parseTime(value: string | undefined): number {
  const at = Date.parse(value ?? '');
  return Number.isNaN(at) ? 0 : at;
}

/** Whole seconds from one time to another, both in milliseconds; never less than 0, whatever the clocks say. */
export function secondsBetween(from: number, to: number): number {
  return Math.max(0, Math.round((to - from) / 1000));
}

/** Seconds, as people say them. */
export function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}
