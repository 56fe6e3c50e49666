import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../database/embedded/server.ts';

/** A Postgres in which tests may create databases. */
export interface TestServer {
  readonly url: string;
  /** True if no other machine uses it. */
  readonly isEmbedded: boolean;
  release(): Promise<void>;
}

/** Durability is not what tests are about, and without it they are quick. */
export const QUICK_SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  // Nobody copies from this server.
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_connections: '300',
  // Dropping a database looks through all of it.
  shared_buffers: '32MB',
  // No database lives long enough to need it, and it looks into each of them.
  autovacuum: 'off',
  // What is read is in the system's memory: waking another process for it takes longer.
  io_method: 'sync',
};

/** Where the embedded Postgres for tests is, below the folder of the project. */
const FOLDER = '.afterwrite/test';

/**
 * The Postgres for tests: that of TEST_DATABASE_URL, whose user must be a superuser; otherwise an embedded one in
 * `.afterwrite/test`, which all test processes of the project share, and which the last one stops.
 * @throws {EmbeddedPostgresError} if neither can be used.
 */
export async function provideTestServer(env: NodeJS.ProcessEnv, project: string): Promise<TestServer> {
  const url = env.TEST_DATABASE_URL?.trim();
  if (url) return { url, isEmbedded: false, release: async () => {} };
  const server = await startEmbeddedPostgres({ dataDir: join(project, FOLDER), settings: QUICK_SETTINGS });
  return { url: server.url, isEmbedded: true, release: () => server.release() };
}
