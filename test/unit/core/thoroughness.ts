/** Mutation tests run every test for many mutants: then a property is tried a few times only. */
export const isMutation = process.env['HOSTSYNC_MUTATION'] !== undefined;

/** How many times a property is tried. */
export function runs(wanted: number): number {
  return isMutation ? Math.min(wanted, 5) : wanted;
}

/** From one value that a loop tries to the next. */
export const stride = isMutation ? 13 : 1;
