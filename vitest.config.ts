import { defineConfig } from 'vitest/config';
import { scratchFolder } from './test/support/scratch.ts';

// All that tests and the servers that they start make for themselves is made there.
process.env.TMPDIR ??= scratchFolder();

export default defineConfig({
  // The file that Node takes for libraries: graphql refuses to work beside a second copy of itself.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    // On a machine that others load too, what waits with a deadline may miss it once.
    ...(process.env.CI ? { retry: 1 } : {}),
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    // Each file works on its own database of one server; more at a time only makes them wait for each other.
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
