import { defineConfig } from 'vitest/config';

/** For `npm run mutate`: the tests of the core, with fewer runs of each property, as they run once for each mutant. */
export default defineConfig({
  test: {
    include: ['test/unit/core/**/*.test.ts'],
    env: { HOSTSYNC_MUTATION: '1' },
    setupFiles: ['test/unit/core/few-runs.ts'],
    testTimeout: 60_000,
  },
});
