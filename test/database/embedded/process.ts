// Run as a process of its own by the tests: uses a data folder until its standard input ends.

import { writeSync } from 'node:fs';
import { EmbeddedPostgresError, startEmbeddedPostgres } from '../../../src/database/embedded/server.ts';
import type { DatabaseOccurrences } from '../../../src/database/occurrences.ts';
import { Observer } from '../../../src/observe/observer.ts';

const say = (line: object) => writeSync(1, `${JSON.stringify(line)}\n`);

try {
  const postgres = await startEmbeddedPostgres({
    dataDir: process.argv[2] ?? '',
    settings: { fsync: 'off', shared_buffers: '16MB' },
    observer: new Observer<DatabaseOccurrences>([{ postgresStepBegun: ({ step }) => say({ progress: step }) }]),
  });
  say({ url: postgres.url, adopted: postgres.adopted });
  process.stdin.on('end', () => postgres.release()).resume();
} catch (error) {
  say({ code: error instanceof EmbeddedPostgresError ? error.code : String(error), message: String(error) });
}
