import { basename } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** About how many seconds the longest tests take beside others: what begins last should be short. */
const seconds: Readonly<Record<string, number>> = {
  'alerts.test.ts': 369,
  'membership.test.ts': 278,
  'memory-lost.test.ts': 278,
  'failover-functions-killed.test.ts': 261,
  'failover.test.ts': 256,
  'failover-planned.test.ts': 255,
  'break-in.test.ts': 254,
  'deployment.test.ts': 243,
  'rescue.test.ts': 242,
  'cli-act.test.ts': 235,
  'guard.test.ts': 233,
  'failover-calls-killed.test.ts': 197,
  'push.test.ts': 174,
  'view.test.ts': 136,
  'failing-calls.test.ts': 133,
  'verify-live.test.ts': 133,
  'host-options.test.ts': 116,
  'trouble.test.ts': 114,
  'plan-promotion.test.ts': 104,
  'watch-group.test.ts': 103,
  'kept.test.ts': 101,
  'watch-trouble.test.ts': 99,
  'fuzz.test.ts': 97,
  'zone-outage.test.ts': 92,
  'cli-see.test.ts': 88,
  'join-failure.test.ts': 82,
  'tick.test.ts': 80,
  'bench-recovery.test.ts': 80,
  'host-faults-stops.test.ts': 77,
  'churn.test.ts': 75,
  'ipv6.test.ts': 75,
  'scaling-states.test.ts': 72,
  'failover-rejoin.test.ts': 68,
  'verify-live-ended.test.ts': 67,
  'failover-writes.test.ts': 65,
  'host-faults-leave.test.ts': 63,
  'kept-group.test.ts': 62,
  'ssh-port.test.ts': 58,
  'example-hooks.test.ts': 58,
  'observe.test.ts': 57,
  'watch.test.ts': 51,
  'faulty-calls.test.ts': 50,
  'name.test.ts': 48,
  'host-faults-push.test.ts': 42,
  'renames.test.ts': 41,
  'watch-files.test.ts': 41,
  'watch-fence.test.ts': 40,
  'host-faults-names.test.ts': 36,
  'release.test.ts': 34,
  'agent.test.ts': 33,
  'bench.test.ts': 32,
  'control-measure.test.ts': 30,
  'run-command.test.ts': 30,
  'lambda.test.ts': 26,
  'two-stages.test.ts': 23,
  'auto-scaling.test.ts': 22,
  'compose-alert.test.ts': 20,
  'function-kills.test.ts': 20,
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
