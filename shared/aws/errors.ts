/** Is this an error of AWS with one of these codes? Codes are AWS's promise; message texts are not. */
export function hasCode(error: unknown, codes: ReadonlySet<string>): boolean {
  return error instanceof Error && codes.has(error.name);
}

/** An error's name, which is AWS's code for those of AWS, and its own words. */
export function describeError(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
