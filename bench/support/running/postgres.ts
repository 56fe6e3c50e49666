import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';
import { startEmbeddedPostgres } from '../../../src/database/embedded/server.ts';
import type { DatabaseOccurrences } from '../../../src/database/occurrences.ts';
import { Observer } from '../../../src/observe/observer.ts';

/** The Postgres that everybody is measured on. */
export interface BenchPostgres {
  readonly version: string;
  /** Makes an empty database; resolves to its URL. */
  createDatabase(name: string): Promise<string>;
  release(): Promise<void>;
}

/** On the disk of the checkout: /tmp may be memory, on which fsync costs nothing. */
const folder = fileURLToPath(new URL('../../.afterwrite', import.meta.url));

/** Starts the product's own embedded Postgres with its default settings in a new folder. */
export async function startPostgres(say: (line: string) => void): Promise<BenchPostgres> {
  await mkdir(folder, { recursive: true });
  const dataDir = await mkdtemp(join(folder, 'bench-'));
  const observer = new Observer<DatabaseOccurrences>([{ postgresStepBegun: ({ step }) => say(step) }]);
  const server = await startEmbeddedPostgres({ dataDir, observer });
  const admin = postgres(server.url, { max: 1, onnotice: () => {} });
  const [row] = await admin<{ version: string }[]>`select current_setting('server_version') as version`;
  return {
    version: row?.version ?? '',
    createDatabase: async (name) => {
      await admin`drop database if exists ${admin(name)} with (force)`;
      await admin`create database ${admin(name)}`;
      const url = new URL(server.url);
      url.pathname = `/${name}`;
      return url.href;
    },
    release: async () => {
      await admin.end({ timeout: 1 });
      await server.release();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
