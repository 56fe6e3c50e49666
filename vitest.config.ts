import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { testSeed } from './test/support/random.ts';
import { lanesOf } from './test/support/run/lanes.ts';
import { openRunFolder } from './test/support/run/scratch.ts';
import { filesAsTenant } from './test/support/run/tenant-lane.ts';

const lanes = lanesOf(import.meta.dirname);
const integration = process.env.TEST_TENANT ? filesAsTenant(lanes.integration) : lanes.integration;

// Known before the workers start, so that all of them make the same choices and use the same folder.
testSeed();
// Compilers live for seconds. Collecting their garbage less often takes a third of their CPU away.
process.env.GOGC ??= '400';
process.env.TEST_RUN_FOLDER = process.env.TMPDIR = openRunFolder();

export default defineConfig({
  resolve: {
    alias: [
      // The file that Node takes for libraries: graphql refuses to work beside a second copy of itself.
      { find: /^graphql$/, replacement: 'graphql/index.js' },
      // Examples import the client as its users do.
      { find: /^@afterwrite\/client$/, replacement: join(import.meta.dirname, 'client/src/index.ts') },
      { find: /^@afterwrite\/client\/(\w+)$/, replacement: join(import.meta.dirname, 'client/src/$1.ts') },
    ],
  },
  test: {
    reporters: ['default', './test/support/run/reporter.ts'],
    setupFiles: ['test/support/run/each-file.ts'],
    // Each file works on its own database of one server. Tests wait for a third of their time, so that three workers use
    // two cores; more only make each other slower.
    maxWorkers: 3,
    // A worker keeps what it has imported, which takes longer than most files' tests. No test changes a module.
    isolate: false,
    // Workers hold what they have imported. With the usual limits V8 looks through all of it again and again, for a
    // tenth of the CPU that the tests use.
    execArgv: ['--min-semi-space-size=64', '--max-semi-space-size=64', '--initial-old-space-size=1024'],
    // Tests wait for conditions, and only those that fail wait for so long. A machine that others use too may take ten times
    // as long as a quiet one.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    projects: [
      { extends: true, test: { name: 'unit', include: lanes.unit } },
      {
        extends: true,
        test: { name: 'integration', include: integration, globalSetup: ['test/support/global-setup.ts'] },
      },
    ],
  },
});
