import { sql } from 'drizzle-orm';
import { pause } from '../../scheduling/sleeper.ts';
import type { Database } from '../client.ts';
import { DatabaseError, rootOf } from '../errors.ts';
import type { DatabaseObserver } from '../occurrences.ts';
import { acrossTenants, forcedTables } from '../tenancy/tenant-tables.ts';
import { handOver } from './hand-over.ts';
import {
  MIGRATIONS_SCHEMA,
  type Migration,
  type MigrationHistory,
  migrationsOf,
  missingOf,
  nameOf,
  type RecordedMigrations,
  recordedIn,
} from './migration-history.ts';

/** The result of a start, and what an operator should know about it. */
export interface AppliedMigrations {
  readonly applied: number;
  readonly all: number;
}

/**
 * Applies the migrations that the database has not had, all in one transaction. Drizzle's own migrator looks only for those that are
 * newer than the newest applied one: a branch's migration that is merged after a newer one would never be applied.
 *
 * @param finish what belongs to the same transaction, after them.
 * @param observer told of each migration that is older than one that was applied before, and of each whose file has changed
 *   since it was applied.
 * @throws {DatabaseError} MIGRATION_FAILED with the name of the migration; nothing is changed then.
 */
export async function applyMigrations(
  db: Database,
  history: MigrationHistory,
  observer: DatabaseObserver,
  finish: (tx: Database) => Promise<void> = async () => {},
): Promise<AppliedMigrations> {
  const migrations = migrationsOf(history);
  const recorded = await recordedIn(db, history);
  const missing = missingOf(migrations, recorded);
  for (const migration of migrations) {
    const message = noticeOf(migration, missing.includes(migration), recorded);
    if (message !== undefined) observer.tell('databaseNoticed', { message });
  }
  if (missing.length > 0) await withoutBlocking(observer, () => applyMissing(db, history, missing, finish));
  return { applied: missing.length, all: migrations.length };
}

/** How long a migration waits for a table before it lets others pass, in ms, and how long it then pauses. */
const LOCK_TIMEOUT_MS = 1000;
const PAUSE_MS = 500;
/** Every seventh attempt is reported, which is about one in ten seconds. */
const TOLD_EVERY = 7;
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Applies migrations, and tries again until they get their locks. A migration that waited for a table would block every later
 * statement on it: running servers would stand still for as long as a dump takes.
 */
async function withoutBlocking(observer: DatabaseObserver, apply: () => Promise<void>): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await apply();
      return;
    } catch (error) {
      if (!(error instanceof TableLockedError)) throw error;
      if (attempt % TOLD_EVERY === 0) {
        const message = `${error.message}; it is tried again until that session is done.`;
        observer.tell('databaseNoticed', { message });
      }
      await pause(PAUSE_MS);
    }
  }
}

/** A migration did not get a lock in time; nothing was changed. */
class TableLockedError extends Error {}

function applyMissing(
  db: Database,
  history: MigrationHistory,
  missing: readonly Migration[],
  finish: (tx: Database) => Promise<void>,
): Promise<void> {
  return db.transaction(async (transaction) => {
    const tx = transaction as unknown as Database;
    await tx.execute(sql.raw(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`));
    await tx.execute(sql`create schema if not exists ${sql.identifier(MIGRATIONS_SCHEMA)}`);
    await tx.execute(
      sql`create table if not exists ${nameOf(history.table)} (id serial primary key, hash text not null, created_at bigint)`,
    );
    // Not even the tables' owner sees rows of tenants without saying whose.
    await acrossTenants(tx, await forcedTables(tx), async () => {
      for (const migration of missing) await apply(tx, history, migration);
    });
    await finish(tx);
    await handOver(tx);
  });
}

async function apply(
  tx: Database,
  { table }: MigrationHistory,
  { name, time, hash, statements, least }: Migration,
): Promise<void> {
  try {
    for (const statement of statements) await tx.execute(sql.raw(statement));
  } catch (cause) {
    if (rootOf(cause).code === LOCK_NOT_AVAILABLE) {
      throw new TableLockedError(`The migration ${name} waits for a table that another session uses`);
    }
    const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
    const sentence = `The migration ${name} failed, nothing was changed: ${reason}`;
    throw new DatabaseError('MIGRATION_FAILED', sentence, { cause });
  }
  await tx.execute(sql`insert into ${nameOf(table)} (hash, created_at) values (${hash}, ${time})`);
  if (least === undefined) return;
  await tx.execute(sql`update ${nameOf(table)} set least = ${least} where hash = ${hash} and created_at = ${time}`);
}

function noticeOf(
  { name, time, hash }: Migration,
  isMissing: boolean,
  { hashes, times, newest, completeUntil }: RecordedMigrations,
): string | undefined {
  if (isMissing) {
    if (time > newest) return undefined;
    return `The migration ${name} is older than the newest one that was applied, and the database has not had it: it is applied now.`;
  }
  if (hashes.has(hash) || time <= completeUntil || !times.has(time)) return undefined;
  return (
    `The migration ${name} was applied, and its file has changed since: what was added to it is not in the database. ` +
    'Take the change back, and write a new migration for it.'
  );
}
