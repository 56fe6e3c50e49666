import { rmSync } from 'node:fs';
import { relative } from 'node:path';
import { afterAll, beforeEach } from 'vitest';
import { pollUntil } from '../../../src/database/embedded/processes.ts';
import { endTree, postgresBelow } from './processes.ts';
import { whyNotAsTenant } from './tenant-lane.ts';
import { folder, registry } from './worker.ts';

/** How long a process may take to end after its test, in ms. */
const GRACE_MS = 2000;

const left = () => [...registry.running(process.pid), ...postgresBelow(folder)];

if (process.env.TEST_TENANT) {
  beforeEach(({ task, skip }) => {
    const reason = whyNotAsTenant(relative(process.cwd(), task.file.filepath), task.name);
    if (reason !== undefined) skip(reason);
  });
}

/** No process outlives the tests of its file, whatever has become of them. */
afterAll(async () => {
  if (await pollUntil(GRACE_MS, () => left().length === 0 || undefined)) return;
  const running = left();
  for (const { pid } of running) endTree(pid);
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  throw new Error(`Tests of this file left running: ${running.map(({ command }) => command).join('; ')}`);
});
