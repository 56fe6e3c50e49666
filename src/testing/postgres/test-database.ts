import { randomBytes } from 'node:crypto';
import type postgres from 'postgres';
import { processIdentity } from '../../database/embedded/processes.ts';
import { connectTo, copyDatabase, dropDatabase, urlOfDatabase } from './databases.ts';
import { provideTestServer } from './server.ts';
import { ensureTemplate } from './template.ts';

/** A database of a test's own. */
export interface TestDatabase {
  readonly url: string;
  /** Connections as its owner. */
  readonly sql: postgres.Sql;
  /** Drops it. */
  drop(): Promise<void>;
}

export interface TestDatabaseOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Folder of the project. */
  readonly project: string;
  readonly appMigrations: URL | undefined;
}

/** Names of databases say which process made them, so that those of processes that were killed can be found. */
const NAME = /^afterwrite_test_(\d+)_[\da-f]+(?:_|$)/;

/**
 * A migrated database without events, whose epoch no other store has: a copy of a template.
 * @throws {EmbeddedPostgresError} if there is no Postgres; {@link DatabaseError} if it cannot be used.
 */
export async function openTestDatabase({ env, project, appMigrations }: TestDatabaseOptions): Promise<TestDatabase> {
  const provided = await provideTestServer(env, project);
  const server = connectTo(provided.url);
  const name = `afterwrite_test_${process.pid}_${randomBytes(6).toString('hex')}`;
  const url = urlOfDatabase(provided.url, name);
  const release = async () => {
    await server.end({ timeout: 1 });
    await provided.release();
  };
  try {
    const template = await ensureTemplate(server, provided.url, appMigrations);
    if (provided.isEmbedded) await dropLeftOver(server);
    await copyDatabase(server, name, template);
  } catch (error) {
    await release();
    throw error;
  }
  const sql = connectTo(url, 2);
  const drop = async () => {
    await sql.end({ timeout: 1 });
    await dropDatabase(server, name);
    await dropTenants(server, name);
    await release();
  };
  try {
    await sql`update es.store set epoch = gen_random_uuid()`;
  } catch (error) {
    await drop();
    throw error;
  }
  return { url, sql, drop };
}

/** Drops the databases that a server has created beside its own for tenants. */
async function dropTenants(server: postgres.Sql, name: string): Promise<void> {
  const tenants = await server<{ name: string }[]>`
    select datname as name from pg_database where starts_with(datname, ${`${name}_`})`;
  for (const tenant of tenants) await dropDatabase(server, tenant.name);
}

/** Drops the databases of processes of this machine that have ended without doing so. */
async function dropLeftOver(server: postgres.Sql): Promise<void> {
  const databases = await server<{ name: string }[]>`select datname as name from pg_database`;
  for (const { name } of databases) {
    const pid = NAME.exec(name)?.[1];
    if (pid !== undefined && processIdentity(Number(pid)) === undefined) await dropDatabase(server, name);
  }
}
