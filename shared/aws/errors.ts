/** Is this an error of AWS with one of these codes? Codes are AWS's promise; message texts are not. */
export function hasCode(error: unknown, codes: ReadonlySet<string>): boolean {
  return error instanceof Error && codes.has(error.name);
}
