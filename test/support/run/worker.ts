import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { registryOf } from './scratch.ts';

const run = process.env.TEST_RUN_FOLDER ?? '';

/** All that the tests of this worker and their servers make for themselves is made here. */
export const folder = join(run, `worker-${process.env.VITEST_POOL_ID}`);
process.env.TMPDIR = folder;
mkdirSync(folder, { recursive: true, mode: 0o755 });

/** The processes that the run's tests start. */
export const registry = registryOf(run);
registry.watch();
