import { createHash, createHmac } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { fitConnections } from '../checks/connection-budget.ts';
import { openPool, type PoolOptions } from '../client.ts';
import {
  type AfterwriteDatabase,
  ANSWER_WITHIN_MS,
  type DatabaseOptions,
  DEDICATED_CONNECTIONS,
  optionsOf,
} from '../database.ts';
import { DatabaseError } from '../errors.ts';
import { type Migrated, migrateDatabase } from '../migrations/migrate.ts';
import { unobservedDatabase } from '../occurrences.ts';
import { type Access, grantRights } from '../roles/ensure-roles.ts';
import type { Part } from '../roles/names.ts';
import { notificationKeyOf, passwordIn } from '../roles/passwords.ts';
import { noteTenant, refuseUnconfined } from './ensure-tenancy.ts';
import { openSharedPool, type SharedPool } from './shared-pool.ts';
import { TENANT_SETTING } from './tenant-setting.ts';

/** A database whose tables have rows of many tenants. */
export interface SharedDatabase {
  /**
   * The database as one tenant sees it. A tenant who was not here before gets an empty log. Closing it closes the connections that
   * belong to this tenant alone.
   */
  open(tenant: string): Promise<AfterwriteDatabase>;
  /** Whether a tenant was here before. */
  has(tenant: string): Promise<boolean>;
  /** The tenants who were here, by name. */
  tenants(): Promise<readonly string[]>;
  /** Waits for running statements at most `timeoutMs`, then cuts them off. */
  close(timeoutMs?: number): Promise<void>;
}

/** The pools that tenants share. */
interface SharedPools {
  readonly writer: SharedPool;
  readonly projector: SharedPool;
  readonly reader: SharedPool;
  readonly leases: SharedPool;
  readonly watch: SharedPool;
}

/** How long a connection of one tenant is kept after it was used, in seconds. */
const OWN_IDLE_S = 10;

/**
 * Migrates and opens a database that tenants share. An empty one becomes a store of tenants.
 *
 * Each statement says whose it is, see `shared-pool.ts`, and Postgres shows and changes nothing else. The connections of the tables'
 * owner, which create and vacuum tables, cannot be shared in that way: they belong to one tenant, by a setting from their start on,
 * and are closed when they are idle.
 *
 * @throws {DatabaseError} with one line that says what is wrong: as `openDatabase`, and READ_REPLICA_UNSUPPORTED.
 */
export async function openSharedDatabase(options: DatabaseOptions): Promise<SharedDatabase> {
  const { url, observer = unobservedDatabase, roles: roleOptions, appMigrations, connections } = options;
  if (options.readUrl !== undefined) {
    const message = 'Queries of tenants that share a database cannot read from a replica: leave READ_DATABASE_URL out.';
    throw new DatabaseError('READ_REPLICA_UNSUPPORTED', message);
  }
  const migrated = await migrateDatabase(url, { observer, roles: roleOptions, appMigrations, tenancy: 'column' });
  const { notice, connections: sizes } = fitConnections(connections, migrated.allowance);
  if (notice !== undefined) observer.tell('databaseNoticed', { message: notice });
  const { roles } = migrated;
  const poolOptions = (part: Part, { login, role }: Access, more: Partial<PoolOptions> & { connections: number }) => {
    const usual = optionsOf(part, options);
    return {
      ...{ url, login, applicationName: `afterwrite ${part}` },
      ...usual,
      ...more,
      settings: { ...usual.settings, ...more.settings, ...(role === undefined ? {} : { role }) },
    };
  };
  const shared = (part: Part, more: Partial<PoolOptions> & { connections: number }) =>
    openSharedPool(poolOptions(part, roles[part], more));
  const watching = { statement_timeout: '3000' };
  const pools: SharedPools = {
    writer: shared('writer', { connections: sizes.writer }),
    projector: shared('projector', { connections: sizes.projector }),
    reader: shared('reader', { connections: sizes.reader }),
    leases: shared('projector', {
      ...{ connections: 1, applicationName: 'afterwrite leases', answerWithinMs: ANSWER_WITHIN_MS },
    }),
    watch: shared('owner', {
      ...{ connections: 2, applicationName: 'afterwrite watch', answerWithinMs: ANSWER_WITHIN_MS, settings: watching },
    }),
  };
  const all = Object.values(pools) as SharedPool[];
  const close = async (timeoutMs?: number) => {
    await Promise.all(all.map((pool) => pool.close(timeoutMs)));
  };
  const own = (tenant: string) => (part: Part, more: Partial<PoolOptions> & { connections: number }) =>
    openPool(
      poolOptions(part, roles[part], {
        ...{ ...more, idleS: OWN_IDLE_S },
        settings: { ...more.settings, [TENANT_SETTING]: tenant },
      }),
    );
  const secret = roleOptions?.secret ?? passwordIn(url);
  const key = secret === undefined ? undefined : await notificationKeyOf(migrated.epoch, secret);
  try {
    // A name that no tenant can have.
    const { db } = pools.watch.of('/');
    await refuseUnconfined(db);
    for (const { of } of [pools.writer, pools.projector, pools.reader]) await refuseUnconfined(of('/').db);
  } catch (error) {
    await close(1000);
    throw DatabaseError.from(error, url);
  }
  return {
    open: async (tenant) => {
      await noteTenant(pools.watch.of(tenant).db, tenant);
      return databaseOf(tenant, { url, migrated, pools, key, own: own(tenant) });
    },
    has: async (tenant) => {
      const { db } = pools.watch.of(tenant);
      return (await db.execute(sql`select from es.tenants where name = ${tenant}`)).length > 0;
    },
    tenants: async () => {
      const rows = await pools.watch
        .of('/')
        .db.execute<{ name: string }>(sql`select name from es.tenants order by name`);
      return rows.map(({ name }) => name);
    },
    close,
  };
}

/**
 * Opens a database that tenants share for one of them alone, for a command.
 * @throws {DatabaseError} as {@link openSharedDatabase}; TENANT_MISSING if the tenant was never here.
 */
export async function openForTenant(tenant: string, options: DatabaseOptions): Promise<AfterwriteDatabase> {
  const shared = await openSharedDatabase(options);
  try {
    if (!(await shared.has(tenant))) {
      throw new DatabaseError('TENANT_MISSING', `There is no tenant ${tenant} in this database.`);
    }
    const opened = await shared.open(tenant);
    const close = async (timeoutMs?: number) => {
      await opened.close(timeoutMs);
      await shared.close(timeoutMs);
    };
    return { ...opened, close };
  } catch (error) {
    await shared.close(1000);
    throw DatabaseError.from(error, options.url);
  }
}

interface OfTenant {
  readonly url: string;
  readonly migrated: Migrated;
  readonly pools: SharedPools;
  readonly key: Buffer | undefined;
  readonly own: (part: Part, more: Partial<PoolOptions> & { connections: number }) => ReturnType<typeof openPool>;
}

function databaseOf(tenant: string, { url, migrated, pools, key, own }: OfTenant): AfterwriteDatabase {
  const { roles, isNewer } = migrated;
  const owner = own('owner', { connections: 1 });
  const writer = pools.writer.of(tenant);
  const projector = pools.projector.of(tenant);
  const reader = pools.reader.of(tenant);
  const leases = pools.leases.of(tenant);
  const watch = pools.watch.of(tenant);
  const dedicated = { connections: DEDICATED_CONNECTIONS, applicationName: 'afterwrite rebuild' };
  return {
    tenant,
    epoch: epochOf(migrated.epoch, tenant),
    wakeUp: { url, login: roles.reader.login, channel: `afterwrite_${digestOf(tenant).slice(0, 32)}` },
    notificationKey: key && createHmac('sha256', key).update(tenant).digest(),
    ...{ writer, projector, reader, leases, owner, watch, replica: undefined },
    openDedicated: () => ({
      projector: own('projector', dedicated),
      owner: own('owner', { ...dedicated, settings: { idle_in_transaction_session_timeout: '5000' } }),
    }),
    grantRights: (tx) => grantRights(tx, roles, { isNewer }),
    close: async (timeoutMs) => {
      await Promise.all([writer, projector, reader, leases, owner, watch].map((pool) => pool.close(timeoutMs)));
    },
  };
}

/** The epoch of a tenant's history: a token of another tenant is one of another history. */
function epochOf(store: string, tenant: string): string {
  const hex = digestOf(`${store}\n${tenant}`);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
