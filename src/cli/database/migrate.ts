import { Command } from 'commander';
import { migrateDatabase } from '../../database/migrations/migrate.ts';
import { databaseOptions } from '../../settings/database-options.ts';
import { type Cli, type CommandFactory, print } from '../cli.ts';
import { observe, type PostgresContext, sharesDatabase, withPostgres, withServer } from '../context.ts';

/** A database that tenants share is migrated once for all of them. */
function withMigrated(cli: Cli, work: (context: PostgresContext) => Promise<void>): Promise<void> {
  return sharesDatabase(cli) ? withServer(cli, work) : withPostgres(cli, work);
}

/** `migrate`: brings the database to this code's schema. */
export const migrateCommand: CommandFactory = (cli) =>
  new Command('migrate')
    .description("bring the database to this version's schema; the server does the same when it starts")
    .action(() =>
      withMigrated(cli, async ({ url, config, tenant }) => {
        const { migrations } = await migrateDatabase(url, {
          observer: observe(cli),
          roles: databaseOptions(config).roles,
          ...{ appMigrations: cli.app.migrations, tenant },
          tenancy: sharesDatabase(cli) ? 'column' : undefined,
        });
        const { applied, all } = migrations;
        print(
          cli,
          applied > 0
            ? `Migrated: ${applied} ${applied === 1 ? 'migration' : 'migrations'} applied, ${all} in all.`
            : `Nothing to do: the database has all ${all} migrations.`,
        );
      }),
    );
