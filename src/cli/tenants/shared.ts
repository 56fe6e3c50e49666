import { Command } from 'commander';
import { sql } from 'drizzle-orm';
import { openPool } from '../../database/client.ts';
import { settingsFor } from '../../database/tenancy/ensure-tenancy.ts';
import { openSharedDatabase } from '../../database/tenancy/shared-database.ts';
import { tenantOf, whyNotTenant } from '../../kernel/define/access/tenant.ts';
import { databaseOptions } from '../../settings/database-options.ts';
import { type CommandFactory, print, programOf, say } from '../cli.ts';
import { observe, withServer } from '../context.ts';
import { CliError } from '../errors.ts';
import { tenantsIn } from '../keyring/stores.ts';
import { formatTable } from '../output/table.ts';

/** `tenants`: the tenants of an application that share a database. */
export const sharedTenantsCommand: CommandFactory = (cli) =>
  new Command('tenants')
    .description('manage the tenants of the database')
    .addCommand(listCommand(cli))
    .addCommand(createCommand(cli));

/** `tenants list` */
const listCommand: CommandFactory = (cli) =>
  new Command('list').description('list the tenants, and how many events each has').action(() =>
    withServer(cli, async ({ url }) => {
      const open = (settings = {}) => openPool({ url, connections: 1, applicationName: 'afterwrite cli', settings });
      const pool = open();
      try {
        const rows: { readonly TENANT: string; readonly EVENTS: number }[] = [];
        for (const name of await tenantsIn(pool.db)) {
          const own = open(await settingsFor(name, pool.db));
          const [log] = await own.db
            // Positions have no gaps.
            .execute<{ events: number }>(sql`select coalesce(max(position), 0)::float8 as events from es.events`)
            .finally(() => own.close(1000));
          rows.push({ TENANT: name, EVENTS: log?.events ?? 0 });
        }
        for (const line of formatTable(rows)) print(cli, line);
        if (rows.length === 0)
          say(cli, `There is no tenant yet: \`${programOf(cli.env)} tenants create NAME\` creates one.`);
      } finally {
        await pool.close(1000);
      }
    }),
  );

/** `tenants create NAME` */
const createCommand: CommandFactory = (cli) =>
  new Command('create')
    .description('begin the log of a new tenant')
    .argument('<name>', 'ASCII letters, digits, hyphens and underscores')
    .action((name: string) =>
      withServer(cli, async ({ url, config }) => {
        const reason = whyNotTenant(name);
        if (reason !== undefined) throw new CliError('NO_SUCH_TENANT', `The tenant ${reason}.`);
        const shared = await openSharedDatabase({
          ...{ url, appMigrations: cli.app.migrations, observer: observe(cli) },
          ...databaseOptions(config),
        });
        try {
          const tenant = tenantOf(name);
          const isThere = await shared.has(tenant);
          await (await shared.open(tenant)).close(1000);
          print(cli, `${tenant}: ${isThere ? 'is there already.' : 'created.'}`);
        } finally {
          await shared.close(1000);
        }
      }),
    );
