import { basename } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Properties and simulations, from short to long: for most mutants a quicker test has failed before. */
const longest = [
  ...['directories.test.ts', 'trouble.test.ts', 'incident.test.ts', 'plan-membership.test.ts'],
  ...['record-outcome.test.ts', 'compose-alert.test.ts', 'plan-promotion.test.ts', 'recovery-time.test.ts'],
];

class ShortestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => longest.indexOf(basename(moduleId));
    return files.toSorted((one, other) => rank(one) - rank(other));
  }
}

/**
 * For `npm run mutate`: the tests of the core, with fewer runs of each property, as they run once for each mutant. They share their modules:
 * to load these again for each file takes longer than the tests.
 */
export default defineConfig({
  test: {
    include: ['test/unit/core/**/*.test.ts'],
    env: { HOSTSYNC_MUTATION: '1' },
    setupFiles: ['test/unit/core/few-runs.ts'],
    testTimeout: 60_000,
    isolate: false,
    fileParallelism: false,
    sequence: { sequencer: ShortestFirst },
  },
});
