import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import { migrate } from 'drizzle-orm/postgres-js/migrator';
import { type Database, openPool, type Pool } from './client.ts';
import { type Allowance, allowanceOf } from './connection-budget.ts';
import { DatabaseError } from './errors.ts';
import { MIGRATION_LOCK } from './locks.ts';
import { lockMigrations } from './migration-lock.ts';
import { ensureRoles, type RoleOptions, type Roles } from './roles/ensure-roles.ts';
import { type CheckedServer, checkServer } from './server-check.ts';

const migrationsFolder = fileURLToPath(new URL('../../drizzle', import.meta.url));
/** Longer than the time limit for a connection, in ms. */
export const ANSWER_WITHIN_MS = 12_000;

export interface Migrated {
  /** Identifies the history; part of every consistency token. */
  readonly epoch: string;
  readonly roles: Roles;
  readonly server: CheckedServer;
  /** The connections that the database allows. */
  readonly allowance: Allowance;
}

export interface MigrateOptions {
  /** How long Postgres may take to answer for the first time. */
  readonly answerWithinMs?: number | undefined;
  readonly roles?: RoleOptions | undefined;
}

/**
 * Brings the database to this code's schema. One process at a time migrates; others that start at the same moment wait.
 *
 * @param onNotice called with lines for an operator.
 * @throws {DatabaseError} DATABASE_UNREACHABLE, DATABASE_TOO_OLD (Postgres before 15), DATABASE_UNFIT (its encoding or
 * its settings),
 *   DATABASE_NEWER (migrated by newer code than this), MIGRATION_FAILED.
 */
export async function migrateDatabase(
  url: string,
  onNotice: (line: string) => void,
  { answerWithinMs = ANSWER_WITHIN_MS, roles: roleOptions = {} }: MigrateOptions = {},
): Promise<Migrated> {
  let pool: Pool | undefined;
  try {
    // One connection: a session-level lock belongs to the connection that took it, and Drizzle's migrator takes none.
    pool = openPool({ url, connections: 1, applicationName: 'afterwrite migrate', prepare: false });
    const server = await answerWithin(answerWithinMs, checkServer(pool.db));
    await lockMigrations(pool.db, { url, onNotice });
    try {
      await refuseNewerDatabase(pool.db);
      await applyMigrations(pool.db);
      const roles = await ensureRoles(pool.db, url, roleOptions, onNotice);
      const [store] = await pool.db.execute<{ epoch: string }>(sql`select epoch from es.store`);
      if (!store) throw new DatabaseError('MIGRATION_FAILED', 'The database has no row in es.store; restore it.');
      const allowance = await allowanceOf(pool.db, !roles.writer.login);
      return { epoch: store.epoch, roles, server, allowance };
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
export async function answerWithin<T>(ms: number, answer: Promise<T>): Promise<T> {
  const { promise: silence, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`it does not answer within ${ms} ms`)), ms);
  try {
    return await Promise.race([answer, silence]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The newest migration of the database, comparable with {@link newestMigration}; 0 before the first. Runs as the URL's
 * user.
 */
export async function migratedTo(db: Database): Promise<number> {
  const [present] = await db.execute<{ there: boolean }>(
    sql`select to_regclass('drizzle.__drizzle_migrations') is not null as there`,
  );
  if (!present?.there) return 0;
  const [last] = await db.execute<{ created_at: string | null }>(
    sql`select max(created_at) as created_at from drizzle.__drizzle_migrations`,
  );
  return Number(last?.created_at ?? 0);
}

async function refuseNewerDatabase(db: Database): Promise<void> {
  if ((await migratedTo(db)) > newestMigration()) {
    throw new DatabaseError(
      'DATABASE_NEWER',
      'The database was migrated by a newer version of Afterwrite than this one; start that version, or restore a backup.',
    );
  }
}

/** The last migration of this code, identified by its creation time, as in the database. */
export function newestMigration(): number {
  return Math.max(...readMigrationFiles({ migrationsFolder }).map(({ folderMillis }) => folderMillis));
}

async function applyMigrations(db: Database): Promise<void> {
  try {
    await migrate(db, { migrationsFolder });
  } catch (cause) {
    const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
    throw new DatabaseError('MIGRATION_FAILED', `A migration failed, nothing was changed: ${reason}`, { cause });
  }
}
