import { Command } from 'commander';
import { sql } from 'drizzle-orm';
import { type Database, openPool } from '../../database/client.ts';
import { DatabaseError } from '../../database/errors.ts';
import { migrateDatabase } from '../../database/migrations/migrate.ts';
import { engineHistory, migratedTo, newestOf } from '../../database/migrations/migration-history.ts';
import { databaseNameIn } from '../../database/tenants/database-url.ts';
import type { TenantDatabases } from '../../database/tenants/tenant-databases.ts';
import { tenantOf, whyNotTenant } from '../../kernel/define/access/tenant.ts';
import type { Config } from '../../settings/config.ts';
import { databaseOptions } from '../../settings/database-options.ts';
import { configOfTenant, databasesOf } from '../../settings/tenant-config.ts';
import { type Cli, type CommandFactory, print, programOf, say } from '../cli.ts';
import { observe, withServer } from '../context.ts';
import { CliError, errorLine } from '../errors.ts';
import { formatTable } from '../output/table.ts';

/** `tenants`: the tenants of an application that has a database for each. */
export const tenantsCommand: CommandFactory = (cli) =>
  new Command('tenants')
    .description('manage the databases of the tenants')
    .addCommand(listCommand(cli))
    .addCommand(createCommand(cli))
    .addCommand(migrateCommand(cli));

/** `tenants list` */
const listCommand: CommandFactory = (cli) =>
  new Command('list').description('list the tenants, their databases, and how many events each has').action(() =>
    withTenants(cli, async (databases) => {
      const rows: TenantRow[] = [];
      for (const tenant of await databases.list()) rows.push(await rowOf(cli, databases, tenant));
      for (const line of formatTable(rows)) print(cli, line);
      if (rows.length === 0)
        say(cli, `There is no tenant yet: \`${programOf(cli.env)} tenants create NAME\` creates one.`);
    }),
  );

/** `tenants create NAME` */
const createCommand: CommandFactory = (cli) =>
  new Command('create')
    .description('create the database of a new tenant, and migrate it')
    .argument('<name>', 'ASCII letters, digits, hyphens and underscores')
    .action((name: string) =>
      withTenants(cli, async (databases, config) => {
        const reason = whyNotTenant(name);
        if (reason !== undefined) throw new CliError('NO_SUCH_TENANT', `The tenant ${reason}.`);
        const tenant = tenantOf(name);
        if ((await databases.urlOf(tenant)) === undefined) {
          if (!databases.create) {
            throw new CliError(
              'NO_SUCH_TENANT',
              'The application says where the databases are, and creates them itself.',
            );
          }
          await databases.create(tenant);
        }
        print(cli, `${tenant}: ${await migrate(cli, databases, config, tenant)}`);
      }),
    );

/** `tenants migrate [NAME…]` */
const migrateCommand: CommandFactory = (cli) =>
  new Command('migrate')
    .description("bring the databases of these tenants, or of all, to this version's schema")
    .argument('[name...]', 'tenants; all of them if none is named')
    .addHelpText(
      'after',
      `
A server migrates the database of a tenant when it opens it. Run this before a deployment, so that nobody has to wait for it.
If one database cannot be migrated, the others still are; the exit code is 1.`,
    )
    .action((names: readonly string[]) =>
      withTenants(cli, async (databases, config) => {
        const failed: string[] = [];
        for (const tenant of names.length > 0 ? names.map(tenantOf) : await databases.list()) {
          cli.signal.throwIfAborted();
          try {
            const reason = whyNotTenant(tenant);
            if (reason !== undefined) throw new CliError('NO_SUCH_TENANT', `The tenant ${reason}.`);
            print(cli, `${tenant}: ${await migrate(cli, databases, config, tenant)}`);
          } catch (error) {
            failed.push(tenant);
            say(cli, `${tenant}: ${errorLine(error)}`);
          }
        }
        if (failed.length > 0) {
          throw new CliError('TENANTS_FAILED', `These tenants could not be migrated: ${failed.join(', ')}.`);
        }
      }),
    );

function withTenants(cli: Cli, work: (databases: TenantDatabases, config: Config) => Promise<void>): Promise<void> {
  return withServer(cli, ({ config, url }) => work(databasesOf(cli.app, config, url), config));
}

async function migrate(cli: Cli, databases: TenantDatabases, config: Config, tenant: string): Promise<string> {
  const url = await databases.urlOf(tenant);
  if (url === undefined) throw new CliError('NO_SUCH_TENANT', `There is no tenant ${tenant}.`);
  const { migrations } = await migrateDatabase(url, {
    observer: observe(cli),
    roles: databaseOptions(configOfTenant(config, url, 1)).roles,
    appMigrations: cli.app.migrations,
    tenant,
  });
  const { applied, all } = migrations;
  return applied > 0 ? `${applied} migrations applied, ${all} in all.` : `has all ${all} migrations.`;
}

type TenantRow = Readonly<Record<'TENANT' | 'DATABASE' | 'SCHEMA', string> & Record<'EVENTS', string | number>>;

/** A database that cannot be read keeps nobody from seeing the others. */
async function rowOf(cli: Cli, databases: TenantDatabases, tenant: string): Promise<TenantRow> {
  const url = await databases.urlOf(tenant);
  if (url === undefined) return { TENANT: tenant, DATABASE: '', SCHEMA: 'missing', EVENTS: '' };
  const known = { TENANT: tenant, DATABASE: databaseNameIn(url) };
  const pool = openPool({ url, connections: 1, applicationName: 'afterwrite cli' });
  try {
    return { ...known, ...(await factsOf(pool.db)) };
  } catch (error) {
    say(cli, `${tenant}: ${errorLine(DatabaseError.from(error, url))}`);
    return { ...known, SCHEMA: 'unreachable', EVENTS: '' };
  } finally {
    await pool.close(1000);
  }
}

async function factsOf(db: Database): Promise<Pick<TenantRow, 'SCHEMA' | 'EVENTS'>> {
  const at = await migratedTo(db, engineHistory);
  if (at === 0) return { SCHEMA: 'empty', EVENTS: 0 };
  const newest = newestOf(engineHistory);
  // Positions have no gaps.
  const [log] = await db.execute<{ events: number }>(
    sql`select coalesce(max(position), 0)::float8 as events from es.events`,
  );
  return { SCHEMA: at === newest ? 'current' : at < newest ? 'older' : 'newer', EVENTS: log?.events ?? 0 };
}
