import { sql } from 'drizzle-orm';
import { type Database, openPool } from '../../database/client.ts';
import { DatabaseError } from '../../database/errors.ts';
import { settingsFor } from '../../database/tenancy/ensure-tenancy.ts';
import { databasesOf } from '../../settings/tenant-config.ts';
import type { Cli } from '../cli.ts';
import { type PostgresContext, sharesDatabase } from '../context.ts';
import { CliError } from '../errors.ts';

/** What one keyring is for: the store of the application, or that of one of its tenants. */
interface Store {
  /** With the rights of the log's owner. */
  readonly db: Database;
  /** Undefined if the application has no tenants. */
  readonly tenant: string | undefined;
}

/**
 * Gives `work` every store of the application, one after the other. Databases in which nothing was set up are left out.
 * @throws {DatabaseError} if one cannot be reached: the others before it were given.
 * @throws {CliError} NO_SUCH_TENANT if nobody knows where the database of a tenant is.
 */
export async function eachStore(
  cli: Cli,
  server: PostgresContext,
  work: (store: Store) => Promise<void>,
): Promise<void> {
  const { url } = server;
  if (!cli.app.tenants) return connected(url, {}, (db) => ifThere(db, () => work({ db, tenant: undefined })));
  if (sharesDatabase(cli)) {
    return connected(url, {}, async (db) => {
      for (const tenant of await tenantsIn(db)) {
        cli.signal.throwIfAborted();
        await connected(url, await settingsFor(tenant, db), (own) => work({ db: own, tenant }));
      }
    });
  }
  const databases = databasesOf(cli.app, server.config, url);
  for (const tenant of await databases.list()) {
    cli.signal.throwIfAborted();
    const own = await databases.urlOf(tenant);
    if (own === undefined) throw new CliError('NO_SUCH_TENANT', `The database of the tenant ${tenant} is missing.`);
    await connected(own, {}, (db) => ifThere(db, () => work({ db, tenant })));
  }
}

/** The tenants that share a database; none if it was not set up yet. */
export async function tenantsIn(db: Database): Promise<string[]> {
  const [table] = await db.execute<{ there: boolean }>(sql`select to_regclass('es.tenants') is not null as there`);
  if (!table?.there) return [];
  const rows = await db.execute<{ name: string }>(sql`select name from es.tenants order by name`);
  return rows.map(({ name }) => name);
}

async function ifThere(db: Database, work: () => Promise<void>): Promise<void> {
  const [table] = await db.execute<{ there: boolean }>(sql`select to_regclass('es.keyring') is not null as there`);
  if (table?.there) await work();
}

async function connected(
  url: string,
  settings: Readonly<Record<string, string>>,
  work: (db: Database) => Promise<void>,
): Promise<void> {
  const pool = openPool({ url, connections: 1, applicationName: 'afterwrite cli', settings });
  try {
    await pool.db.execute(sql`select 1`).catch((cause) => {
      throw DatabaseError.from(cause, url);
    });
    await work(pool.db);
  } finally {
    await pool.close(1000);
  }
}
