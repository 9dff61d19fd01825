// Stryker's runner for the tests of the core. It loads them once, in one process, and switches each mutant on in the code as it is: a run of
// vitest for each takes hundreds of times as long as the tests. What such a test may use of vitest is in stand-in.ts.
import { globSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { declareClassPlugin, PluginKind } from '@stryker-mutator/api/plugin';
import {
  type CompleteDryRunResult,
  type DryRunResult,
  DryRunStatus,
  determineHitLimitReached,
  type MutantRunOptions,
  type MutantRunResult,
  type TestResult,
  type TestRunner,
  type TestRunnerCapabilities,
  TestStatus,
  toMutantRunResult,
} from '@stryker-mutator/api/test-runner';
import type { KeptTest } from './stand-in.ts';

/** What Stryker's instrumented code reads and writes. Source: @stryker-mutator/api, InstrumenterContext. */
interface Stryker {
  activeMutant?: string | undefined;
  currentTestId?: string | undefined;
  hitCount?: number | undefined;
  hitLimit?: number | undefined;
  mutantCoverage?: CompleteDryRunResult['mutantCoverage'];
}

declare global {
  var __stryker__: Stryker | undefined;
}

const stryker: Stryker = {};
globalThis.__stryker__ = stryker;

const standIn = new URL('stand-in.ts', import.meta.url).href;

export class CoreTestRunner implements TestRunner {
  readonly #tests = new Map<string, KeptTest>();
  /** Milliseconds, by test. */
  readonly #took = new Map<string, number>();
  /** How many mutants each test has noticed: its next neighbour is often noticed by the same. */
  readonly #noticed = new Map<string, number>();

  /** Nothing has ever to be loaded anew: what runs only while files are loaded is left out, see `ignoreStatic`. */
  capabilities(): TestRunnerCapabilities {
    return { reloadEnvironment: true };
  }

  async init(): Promise<void> {
    // Properties are tried a few times only
    process.env['HOSTSYNC_MUTATION'] = '1';
    registerHooks({
      resolve: (specifier, context, next) =>
        specifier === 'vitest' && context.parentURL !== standIn
          ? { url: standIn, shortCircuit: true }
          : next(specifier, context),
    });
    const { collect, tests } = await import('./stand-in.ts');
    await import(pathToFileURL(resolve('test/unit/core/few-runs.ts')).href);
    for (const file of globSync('test/unit/core/**/*.test.ts').sort())
      await collect(file, () => import(pathToFileURL(resolve(file)).href));
    for (const test of tests) this.#tests.set(`${test.file}#${test.name}`, test);
  }

  async dryRun(): Promise<DryRunResult> {
    const tests: TestResult[] = [];
    for (const id of this.#tests.keys()) {
      stryker.currentTestId = id;
      const result = await this.#run(id);
      this.#took.set(id, result.timeSpentMs);
      tests.push(result);
    }
    stryker.currentTestId = undefined;
    const { mutantCoverage = { static: {}, perTest: {} } } = stryker;
    return { status: DryRunStatus.Complete, tests, mutantCoverage };
  }

  async mutantRun(options: MutantRunOptions): Promise<MutantRunResult> {
    const { testFilter, hitLimit, activeMutant, mutantActivation } = options;
    if (mutantActivation === 'static') throw new Error('set ignoreStatic: files are loaded once');
    Object.assign(stryker, { activeMutant: activeMutant.id, hitCount: 0, hitLimit });
    const cost = (id: string) => (this.#took.get(id) ?? 0) / (1 + (this.#noticed.get(id) ?? 0));
    const ids = (testFilter ?? [...this.#tests.keys()]).toSorted((one, other) => cost(one) - cost(other));
    const tests: TestResult[] = [];
    for (const id of ids) {
      const result = await this.#run(id);
      tests.push(result);
      if (result.status !== TestStatus.Failed) continue;
      this.#noticed.set(id, 1 + (this.#noticed.get(id) ?? 0));
      break;
    }
    stryker.activeMutant = undefined;
    const tooMany = determineHitLimitReached(stryker.hitCount, hitLimit);
    return toMutantRunResult(tooMany ?? { status: DryRunStatus.Complete, tests });
  }

  async #run(id: string): Promise<TestResult> {
    const test = this.#tests.get(id);
    const began = performance.now();
    const known = { id, name: test?.name ?? id, ...(test && { fileName: resolve(test.file) }) };
    try {
      await test?.run();
      return { ...known, timeSpentMs: performance.now() - began, status: TestStatus.Success };
    } catch (error) {
      const failureMessage = error instanceof Error ? error.message : String(error);
      return { ...known, timeSpentMs: performance.now() - began, status: TestStatus.Failed, failureMessage };
    }
  }
}

export const strykerPlugins = [declareClassPlugin(PluginKind.TestRunner, 'core', CoreTestRunner)];
