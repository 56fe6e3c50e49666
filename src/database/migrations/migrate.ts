import { sql } from 'drizzle-orm';
import { within } from '../../scheduling/timers.ts';
import { MIGRATION_LOCK } from '../activity/locks.ts';
import { type Allowance, allowanceOf } from '../checks/connection-budget.ts';
import { type CheckedServer, checkServer } from '../checks/server-check.ts';
import { openPool, type Pool } from '../client.ts';
import { DatabaseError } from '../errors.ts';
import { type DatabaseObserver, unobservedDatabase } from '../occurrences.ts';
import { ensureRoles, type PartRoles, type RoleOptions } from '../roles/ensure-roles.ts';
import type { TryLogin } from '../roles/logins.ts';
import { ensureTenancy, refuseTenants, type Tenancy } from '../tenancy/ensure-tenancy.ts';
import { applyMigrations } from './apply-migrations.ts';
import { claimStore, refuseStoreOfAnother } from './claim-store.ts';
import { newerCode, refuseBesideEarlier } from './compatibility.ts';
import { appHistory, engineHistory, prepareAppHistory } from './migration-history.ts';
import { lockMigrations } from './migration-lock.ts';

/** Longer than the time limit for a connection, in ms. */
export const ANSWER_WITHIN_MS = 12_000;

export interface Migrated {
  /** Identifies the history; part of every consistency token. */
  readonly epoch: string;
  readonly roles: PartRoles;
  readonly server: CheckedServer;
  /** The connections that the database allows. */
  readonly allowance: Allowance;
  /** Newer code has migrated the database, and this code runs on it: its rights and what it does not know stay as they are. */
  readonly isNewer: boolean;
  /** How many migrations were applied now, and how many this code has. */
  readonly migrations: { readonly applied: number; readonly all: number };
}

export interface MigrateOptions {
  /** How long Postgres may take to answer for the first time. */
  readonly answerWithinMs?: number | undefined;
  readonly roles?: RoleOptions | undefined;
  /** Tries the logins of the parts, and may keep the connections; by default on connections that are closed again. */
  readonly tryLogin?: ((...login: [...Parameters<TryLogin>, Allowance]) => ReturnType<TryLogin>) | undefined;
  /** Folder of the application's own migrations, which are applied after the engine's; none unless given. */
  readonly appMigrations?: URL | undefined;
  /** Whose database it is; undefined if the application has no database for each tenant. */
  readonly tenant?: string | undefined;
  /** How the rows of tenants are kept apart in this database; there are no tenants in it by default. */
  readonly tenancy?: Tenancy;
  readonly observer?: DatabaseObserver | undefined;
}

/**
 * Brings the database to this code's schema. One process at a time migrates; others that start at the same moment wait. A database that
 * newer code has migrated is left as it is: each release adds to the schema what the servers of the one before need not know, so
 * that these can be started again during a deployment, and after it was taken back.
 *
 * @throws {DatabaseError} DATABASE_UNREACHABLE, DATABASE_TOO_OLD (Postgres before 15), DATABASE_UNFIT (its encoding or
 * its settings),
 *   DATABASE_NEWER (migrated by newer code, so that this cannot run on it), READ_TABLES_IN_USE (by processes of a release
 *   before 0028), DATABASE_OF_ANOTHER (of another tenant, or of none), TENANCY_MISMATCH (tenants share it and the application has
 *   none, or the other way round), MIGRATION_FAILED.
 */
export async function migrateDatabase(
  url: string,
  {
    answerWithinMs = ANSWER_WITHIN_MS,
    roles: roleOptions = {},
    appMigrations,
    tenant,
    tenancy,
    tryLogin,
    observer = unobservedDatabase,
  }: MigrateOptions = {},
): Promise<Migrated> {
  const histories = [engineHistory, ...(appMigrations ? [appHistory(appMigrations)] : [])];
  let pool: Pool | undefined;
  try {
    // One connection: a session-level lock belongs to the connection that took it, and Drizzle's migrator takes none.
    pool = openPool({ url, connections: 1, applicationName: 'afterwrite migrate', prepare: false });
    const server = await answerWithin(answerWithinMs, checkServer(pool.db));
    await lockMigrations(pool.db, { url, observer });
    try {
      // Before anything is changed. Rows of tenants who share the store are hidden, so that it could look empty.
      if (tenancy === undefined) await refuseTenants(pool.db);
      await refuseStoreOfAnother(pool.db, tenant);
      const newer = await newerCode(pool.db, histories);
      const isNewer = newer.engine;
      if (newer.app) {
        const message = 'A newer version of the application has migrated the database. This one runs on it.';
        observer.tell('databaseNoticed', { message });
      }
      if (isNewer) {
        const message =
          'A newer version of Afterwrite has migrated the database. This one runs on it, and leaves tables and rights as they are.';
        observer.tell('databaseNoticed', { message });
      }
      await refuseBesideEarlier(pool.db);
      await prepareAppHistory(pool.db);
      const migrations = { applied: 0, all: 0 };
      for (const history of histories) {
        if (isNewer && history === engineHistory) continue;
        const { applied, all } = await applyMigrations(pool.db, history, observer, (tx) => ensureTenancy(tx, tenancy));
        migrations.applied += applied;
        migrations.all += all;
      }
      await ensureTenancy(pool.db, tenancy);
      await claimStore(pool.db, tenant);
      const forOwnUsers = await allowanceOf(pool.db, false);
      const roles = await ensureRoles(
        pool.db,
        url,
        { ...roleOptions, isNewer, tryLogin: tryLogin && ((part, login) => tryLogin(part, login, forOwnUsers)) },
        observer,
      );
      const [store] = await pool.db.execute<{ epoch: string }>(sql`select epoch from es.store`);
      if (!store) throw new DatabaseError('MIGRATION_FAILED', 'The database has no row in es.store; restore it.');
      const allowance = roles.writer.login ? forOwnUsers : await allowanceOf(pool.db, true);
      return { epoch: store.epoch, roles, server, allowance, isNewer, migrations };
    } finally {
      await pool.db.execute(sql`select pg_advisory_unlock(${MIGRATION_LOCK})`);
    }
  } catch (cause) {
    throw DatabaseError.from(cause, url);
  } finally {
    await pool?.close(1000);
  }
}

/** The driver would reconnect again and again to something that accepts connections but is not Postgres. */
export function answerWithin<T>(ms: number, answer: Promise<T>): Promise<T> {
  return within(ms, answer, () => {
    throw new Error(`it does not answer within ${ms} ms`);
  });
}
