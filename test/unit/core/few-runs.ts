import fc from 'fast-check';
import { afterAll } from 'vitest';
import { runs } from './thoroughness.ts';

declare global {
  /** Stryker's state, which files share that share their modules. */
  var __stryker__: { activeMutant?: string | undefined } | undefined;
}

fc.configureGlobal({ numRuns: runs(100) });

// Else the next file would be collected with this one's mutant
afterAll(() => {
  if (globalThis.__stryker__ !== undefined) globalThis.__stryker__.activeMutant = undefined;
});
