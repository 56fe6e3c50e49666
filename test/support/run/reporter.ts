import { relative } from 'node:path';
import type { Reporter, TestModule, Vitest } from 'vitest/node';
import { testSeed } from '../random.ts';
import { reasonToSkip } from './expected-skips.ts';

const SLOWEST = 10;

/** Says what a run has to say beside its results: its seed, what was skipped and why, and which files took longest. */
export default class RunReporter implements Reporter {
  #root = '';

  onInit({ config }: Vitest): void {
    this.#root = config.root;
    console.info(`TEST_SEED=${testSeed()} repeats the random choices of this run.`);
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    this.#reportSkips(modules);
    if (modules.length > SLOWEST) this.#reportSlowest(modules);
  }

  #reportSkips(modules: readonly TestModule[]): void {
    for (const module of modules) {
      const skipped = [...module.children.allTests('skipped')].filter(({ options }) => options.mode !== 'run');
      if (skipped.length === 0) continue;
      const file = this.#pathOf(module);
      const reason = reasonToSkip(file);
      console.info(
        `${file}: ${skipped.length} skipped. ${reason ?? 'test/support/run/expected-skips.ts has no reason.'}`,
      );
      if (reason === undefined && process.env.CI) process.exitCode = 1;
    }
  }

  #reportSlowest(modules: readonly TestModule[]): void {
    const timed = modules.map((module) => ({ module, ms: timeOf(module) })).toSorted((a, b) => b.ms - a.ms);
    console.info(`\nThe slowest files:`);
    for (const { module, ms } of timed.slice(0, SLOWEST)) {
      console.info(`${(ms / 1000).toFixed(1).padStart(6)} s  ${this.#pathOf(module)}`);
    }
  }

  #pathOf({ moduleId }: TestModule): string {
    return relative(this.#root, moduleId);
  }
}

function timeOf(module: TestModule): number {
  const { collectDuration, setupDuration, duration } = module.diagnostic();
  return collectDuration + setupDuration + duration;
}
