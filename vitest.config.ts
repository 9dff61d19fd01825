import { basename } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** About how many seconds the longest tests take beside others: what begins last should be short. */
const seconds: Readonly<Record<string, number>> = {
  'agent.test.ts': 22,
  'control-measure.test.ts': 24,
  'run-command.test.ts': 19,
  'faulty-calls.test.ts': 10,
  'plan-promotion.test.ts': 16,
  'cli-act.test.ts': 200,
  'cli-see.test.ts': 75,
  'alerts.test.ts': 330,
  'failover-planned.test.ts': 225,
  'membership.test.ts': 160,
  'failover.test.ts': 160,
  'rescue.test.ts': 135,
  'host-faults-stops.test.ts': 120,
  'fuzz.test.ts': 100,
  'kept.test.ts': 75,
  'host-faults-names.test.ts': 70,
  'host-faults-leave.test.ts': 60,
  'failover-functions-killed.test.ts': 135,
  'break-in.test.ts': 130,
  'churn.test.ts': 120,
  'guard.test.ts': 110,
  'push.test.ts': 100,
  'renames.test.ts': 90,
  'failover-calls-killed.test.ts': 90,
  'trouble.test.ts': 90,
  'failing-calls.test.ts': 90,
  'cli.test.ts': 150,
  'join-failure.test.ts': 70,
  'failover-rejoin.test.ts': 75,
  'view.test.ts': 200,
  'view-page.test.ts': 30,
  'observe.test.ts': 70,
  'deployment.test.ts': 60,
  'bench-recovery.test.ts': 120,
  'verify-live.test.ts': 240,
  'verify-live-ended.test.ts': 200,
};

/** It looks at every process and mount there is, so nothing else may run beside it. */
const alone = ['packages/local-cloud/test/integration/sandbox.test.ts'];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const length = ({ moduleId }: TestSpecification) => seconds[basename(moduleId)] ?? 0;
    return (await super.sort(files)).sort((one, other) => length(other) - length(one));
  }
}

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'packages/*/test/unit/**/*.test.ts'],
          // Most of them wait: for processes, for timers of the local cloud
          maxWorkers: 6,
          // They end long before, unless something hangs
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        // The host package with the programs of hosts: npm run host runs them in the base layer
        test: {
          name: 'host',
          include: ['test/host/**/*.test.ts'],
          maxConcurrency: 3,
          // A module of Python's tests is one test here, and the longest takes a minute beside others
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
      {
        // On real hosts: npm run integration makes a sandbox for them, in which each file has a local cloud and hosts of its own.
        // They wait more than they work, so there are more of them at a time than processors.
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts', 'packages/*/test/integration/**/*.test.ts'],
          exclude: alone,
          maxWorkers: 4,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'sandbox',
          include: alone,
          fileParallelism: false,
          testTimeout: 120_000,
        },
      },
    ],
    sequence: { sequencer: LongestFirst },
  },
});
