import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'packages/*/test/unit/**/*.test.ts'],
          // Most of them wait: for processes, for timers of the local cloud
          maxWorkers: 4,
        },
      },
      {
        // The scripts of hosts with the programs of hosts: npm run host runs them in the base layer
        test: {
          name: 'host',
          include: ['test/host/**/*.test.ts'],
          testTimeout: 60_000,
        },
      },
      {
        // Needs a sandbox of its own (packages/local-cloud/src/sandbox): npm run integration makes them
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts', 'packages/*/test/integration/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
