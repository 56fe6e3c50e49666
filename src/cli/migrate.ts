import { Command } from 'commander';
import { sql } from 'drizzle-orm';
import { type Database, openPool } from '../database/client.ts';
import { migrateDatabase } from '../database/migrate.ts';
import { databaseOptions } from '../settings/database-options.ts';
import { type CommandFactory, print, say } from './cli.ts';
import { withPostgres } from './context.ts';

/** `migrate`: brings the database to this code's schema. */
export const migrateCommand: CommandFactory = (cli) =>
  new Command('migrate')
    .description("bring the database to this version's schema; the server does the same when it starts")
    .action(() =>
      withPostgres(cli, async ({ url, config }) => {
        const before = await countMigrations(url);
        await migrateDatabase(url, (line) => say(cli, line), { roles: databaseOptions(config).roles });
        const now = await countMigrations(url);
        const applied = now - before;
        print(
          cli,
          applied > 0
            ? `Migrated: ${applied} ${applied === 1 ? 'migration' : 'migrations'} applied, ${now} in all.`
            : `Nothing to do: the database has all ${now} migrations.`,
        );
      }),
    );

/**
 * Number of migrations in the database; 0 if it does not exist or cannot be reached, which the migration will report.
 */
async function countMigrations(url: string): Promise<number> {
  const pool = openPool({ url, connections: 1, applicationName: 'afterwrite cli' });
  try {
    return await count(pool.db);
  } catch {
    return 0;
  } finally {
    await pool.close();
  }
}

async function count(db: Database): Promise<number> {
  const [table] = await db.execute<{ there: boolean }>(
    sql`select to_regclass('drizzle.__drizzle_migrations') is not null as there`,
  );
  if (!table?.there) return 0;
  const [row] = await db.execute<{ count: number }>(sql`select count(*) as count from drizzle.__drizzle_migrations`);
  return Number(row?.count ?? 0);
}
