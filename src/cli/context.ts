import { sql } from 'drizzle-orm';
import { type Database, openPool } from '../database/client.ts';
import { type AfterwriteDatabase, type DatabaseOptions, openDatabase } from '../database/database.ts';
import { DatabaseError } from '../database/errors.ts';
import { providePostgres } from '../database/provide.ts';
import { settingsFor } from '../database/tenancy/ensure-tenancy.ts';
import { openForTenant } from '../database/tenancy/shared-database.ts';
import { tenantOf, whyNotTenant } from '../kernel/define/access/tenant.ts';
import type { Registry } from '../kernel/define/registration/registry.ts';
import { registryOfTenant } from '../kernel/define/registration/registry-of-tenant.ts';
import { createEngine, type Engine } from '../kernel/engine.ts';
import type { EngineObserver, EngineOccurrences, FaultMet } from '../kernel/observe/occurrences.ts';
import { keyringOf } from '../kernel/privacy/open-keyring.ts';
import { Observer } from '../observe/observer.ts';
import { type Config, readConfig } from '../settings/config.ts';
import { databaseOptions } from '../settings/database-options.ts';
import { engineOptions } from '../settings/engine-options.ts';
import { configOfTenant, databasesOf } from '../settings/tenant-config.ts';
import { type Cli, programOf, say } from './cli.ts';
import { CliError, errorLine } from './errors.ts';

/** Minimum time between two equal warnings, in ms. */
const QUIET_MS = 5000;

/** A Postgres for the duration of a command: the one that a running server uses, or one of our own. */
export interface PostgresContext {
  readonly config: Config;
  readonly url: string;
  /** Whose database it is, if each tenant has one. */
  readonly tenant?: string | undefined;
}

/** Connections as the URL's user, to a database that may be in use by a server of another version. */
export interface DatabaseContext extends PostgresContext {
  readonly db: Database;
}

/** The kernel, next to other processes that work on this database. */
export interface EngineContext extends PostgresContext {
  readonly database: AfterwriteDatabase;
  readonly engine: Engine;
}

/**
 * Gives `work` the Postgres of the settings, and always releases it. If each tenant has a database, it is the one of `--tenant`.
 * @throws {CliError} WHICH_TENANT, NO_SUCH_TENANT
 */
export function withPostgres<T>(cli: Cli, work: (context: PostgresContext) => Promise<T>): Promise<T> {
  return withServer(cli, async (server) => work(await ofTenant(cli, server)));
}

async function ofTenant(cli: Cli, server: PostgresContext): Promise<PostgresContext> {
  const name = tenantIn(cli);
  if (name === undefined) return server;
  if (sharesDatabase(cli)) return { ...server, tenant: name };
  const url = await databasesOf(cli.app, server.config, server.url).urlOf(name);
  if (url === undefined) throw new CliError('NO_SUCH_TENANT', `There is no tenant ${name}; ${listHelp(cli)}.`);
  return { config: configOfTenant(server.config, url, 1), url, tenant: name };
}

function listHelp(cli: Cli): string {
  return `\`${programOf(cli.env)} tenants list\` shows them`;
}

/**
 * The tenant that a command is for; undefined if the application has none.
 * @throws {CliError} WHICH_TENANT, NO_SUCH_TENANT
 */
function tenantIn(cli: Cli): string | undefined {
  if (cli.app.tenants === undefined) return undefined;
  if (cli.tenant === undefined) {
    throw new CliError(
      'WHICH_TENANT',
      `Each tenant has data of its own: say whose with --tenant NAME; ${listHelp(cli)}.`,
    );
  }
  const reason = whyNotTenant(cli.tenant);
  if (reason !== undefined) throw new CliError('NO_SUCH_TENANT', `The tenant ${reason}.`);
  return tenantOf(cli.tenant);
}

/** The definitions of the application, for the tenant of the command if tenants share tables. */
export function registryOf(cli: Cli): Registry {
  return registryOfTenant(cli.app.domains, sharesDatabase(cli) ? tenantIn(cli) : undefined);
}

/** Opens the store that a command is for. */
export function openStore(
  cli: Cli,
  { config, url, tenant }: PostgresContext,
  observer: EngineObserver,
  more: Pick<DatabaseOptions, 'readUrl'> = {},
): Promise<AfterwriteDatabase> {
  const options = { ...{ url, appMigrations: cli.app.migrations, observer }, ...databaseOptions(config), ...more };
  if (sharesDatabase(cli) && tenant !== undefined) return openForTenant(tenant, options);
  return openDatabase({ ...options, tenant });
}

/** Gives `work` the Postgres of the settings without asking for a tenant, and always releases it. */
export async function withServer<T>(cli: Cli, work: (context: PostgresContext) => Promise<T>): Promise<T> {
  const config = readConfig(cli.env, cli.app.settings);
  const postgres = await providePostgres(config, observe(cli));
  try {
    cli.signal.throwIfAborted();
    return await work({ config, url: postgres.url });
  } finally {
    await postgres.release();
  }
}

/**
 * Gives `work` a connection without migrating anything: a command that only reads must not change the database.
 * @param connections most connections, if one is not enough.
 * @throws {CliError} DATABASE_NOT_SET_UP if no server has been started on it yet.
 */
export function withDatabase<T>(cli: Cli, work: (context: DatabaseContext) => Promise<T>, connections = 1): Promise<T> {
  return withPostgres(cli, (context) =>
    connected(cli, context, connections, async (all) => {
      if (!sharesDatabase(cli)) return work(all);
      const settings = await settingsFor(context.tenant ?? '', all.db);
      const own = openPool({ url: context.url, connections, applicationName: 'afterwrite cli', settings });
      return work({ ...context, db: own.db }).finally(() => own.close());
    }),
  );
}

/**
 * Like {@link withDatabase}. If tenants share the database, it is a connection as the URL's user, for what concerns all of them: whether
 * it sees their rows depends on whether that user is a superuser.
 */
export function withWholeDatabase<T>(cli: Cli, work: (context: DatabaseContext) => Promise<T>): Promise<T> {
  const give = sharesDatabase(cli) ? withServer : withPostgres;
  return give(cli, (context) => connected(cli, context, 1, work));
}

/** True if all tenants of the application have one database. */
export function sharesDatabase({ app }: Cli): boolean {
  return app.tenants?.mode === 'column';
}

async function connected<T>(
  cli: Cli,
  context: PostgresContext,
  connections: number,
  work: (context: DatabaseContext) => Promise<T>,
): Promise<T> {
  const pool = openPool({ url: context.url, connections, applicationName: 'afterwrite cli' });
  try {
    await refuseEmptyDatabase(cli, pool.db, context.url);
    return await work({ ...context, db: pool.db });
  } finally {
    await pool.close();
  }
}

/**
 * Calls `work` with the migrated database and the kernel on it. Projections run here only if no server and no worker
 * can run them, so that a short command takes nothing from processes that stay.
 */
export function withEngine<T>(cli: Cli, work: (context: EngineContext) => Promise<T>): Promise<T> {
  return withPostgres(cli, async (context) => {
    const { config } = context;
    const observer = observe(cli);
    const keyring = await keyringOf(config, cli.app, context.tenant);
    const database = await openStore(cli, context, observer);
    try {
      const engine = createEngine({
        ...{ database, keyring },
        domains: cli.app.domains,
        ...engineOptions(config),
        projector: 'standby',
        observer,
      });
      try {
        await engine.start();
        return await work({ ...context, database, engine });
      } finally {
        await engine.drain();
        await engine.stop();
      }
    } finally {
      await database.close(config.shutdownTimeoutMs);
    }
  });
}

/** The observer of a command: tells the person who runs it what they should know. */
export function observe(cli: Cli): EngineObserver {
  return new Observer<EngineOccurrences>([
    {
      databaseNoticed: ({ message }) => say(cli, message),
      postgresStepBegun: ({ step }) => say(cli, step),
      faultMet: quietly(({ error }) => say(cli, `warning: ${errorLine(error)}`)),
      foldChanged: ({ message }) => say(cli, `warning: ${message}`),
    },
  ]);
}

/** A persistent fault is reported each time it occurs: once in a while is enough. */
function quietly(report: (fault: FaultMet) => void): (fault: FaultMet) => void {
  const reported = new Map<string, number>();
  return (fault) => {
    const key = errorLine(fault.error);
    if (performance.now() - (reported.get(key) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return;
    reported.set(key, performance.now());
    report(fault);
  };
}

async function refuseEmptyDatabase(cli: Cli, db: Database, url: string): Promise<void> {
  let row: { there: boolean } | undefined;
  try {
    [row] = await db.execute<{ there: boolean }>(sql`select to_regclass('es.store') is not null as there`);
  } catch (cause) {
    throw DatabaseError.from(cause, url);
  }
  if (!row?.there) {
    throw new CliError(
      'DATABASE_NOT_SET_UP',
      `There is nothing in this database yet: start the server, or run \`${programOf(cli.env)} migrate\`.`,
    );
  }
}
