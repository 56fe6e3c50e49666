import { Command } from 'commander';
import { migrateDatabase } from '../../database/migrations/migrate.ts';
import { databaseOptions } from '../../settings/database-options.ts';
import { type CommandFactory, print } from '../cli.ts';
import { observe, withPostgres } from '../context.ts';

/** `migrate`: brings the database to this code's schema. */
export const migrateCommand: CommandFactory = (cli) =>
  new Command('migrate')
    .description("bring the database to this version's schema; the server does the same when it starts")
    .action(() =>
      withPostgres(cli, async ({ url, config, tenant }) => {
        const { migrations } = await migrateDatabase(url, {
          observer: observe(cli),
          roles: databaseOptions(config).roles,
          ...{ appMigrations: cli.app.migrations, tenant },
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
