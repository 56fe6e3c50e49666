import { sql } from 'drizzle-orm';
import type { Database } from '../client.ts';
import { DatabaseError } from '../errors.ts';
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
 * @param onNotice called with a line for each migration that is older than one that was applied before, and for each whose file
 *   has changed since it was applied.
 * @throws {DatabaseError} MIGRATION_FAILED with the name of the migration; nothing is changed then.
 */
export async function applyMigrations(
  db: Database,
  history: MigrationHistory,
  onNotice: (line: string) => void,
): Promise<AppliedMigrations> {
  const migrations = migrationsOf(history);
  const recorded = await recordedIn(db, history);
  const missing = missingOf(migrations, recorded);
  for (const migration of migrations) {
    const line = noticeOf(migration, missing.includes(migration), recorded);
    if (line !== undefined) onNotice(line);
  }
  await db.transaction(async (transaction) => {
    const tx = transaction as unknown as Database;
    await tx.execute(sql`create schema if not exists ${sql.identifier(MIGRATIONS_SCHEMA)}`);
    await tx.execute(
      sql`create table if not exists ${nameOf(history.table)} (id serial primary key, hash text not null, created_at bigint)`,
    );
    for (const migration of missing) await apply(tx, history, migration);
  });
  return { applied: missing.length, all: migrations.length };
}

async function apply(
  tx: Database,
  { table }: MigrationHistory,
  { name, time, hash, statements }: Migration,
): Promise<void> {
  try {
    for (const statement of statements) await tx.execute(sql.raw(statement));
  } catch (cause) {
    const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
    const sentence = `The migration ${name} failed, nothing was changed: ${reason}`;
    throw new DatabaseError('MIGRATION_FAILED', sentence, { cause });
  }
  await tx.execute(sql`insert into ${nameOf(table)} (hash, created_at) values (${hash}, ${time})`);
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
