/** Is this an error of AWS with one of these codes? Codes are AWS's promise; message texts are not. */
export function hasCode(error: unknown, codes: ReadonlySet<string>): boolean {
  return error instanceof Error && codes.has(error.name);
}

/** Waits for all of these, whatever becomes of each. @returns what went wrong */
export async function errorsOf(tasks: Iterable<Promise<unknown>>): Promise<readonly unknown[]> {
  const settled = await Promise.allSettled(tasks);
  return settled.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
}

/** @throws {AggregateError} with all of their words, if there are any */
export function throwAll(errors: readonly unknown[]): void {
  if (errors.length > 0) throw new AggregateError(errors, errors.map(describeError).join('; '));
}

/** An error's name, which is AWS's code for those of AWS, and its own words. */
export function describeError(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
