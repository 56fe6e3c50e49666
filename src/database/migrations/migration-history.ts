import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import type { Database } from '../client.ts';
import { DatabaseError } from '../errors.ts';

/** Schema of the tables that remember what has been applied. */
export const MIGRATIONS_SCHEMA = 'drizzle';

/** Migrations in a folder, and the table of the database that remembers which of them it has had. */
export interface MigrationHistory {
  readonly table: string;
  readonly folder: string;
}

/** The migrations of the engine's own tables. */
export const engineHistory: MigrationHistory = {
  table: '__drizzle_migrations',
  folder: fileURLToPath(new URL('../../../drizzle', import.meta.url)),
};

/** Remembers the migrations of an application. */
const APP_TABLE = 'app_migrations';

/** The migrations of an application. */
export function appHistory(folder: URL): MigrationHistory {
  return { table: APP_TABLE, folder: fileURLToPath(folder) };
}

/** A migration of this code. */
export interface Migration {
  /** The name of its file. */
  readonly name: string;
  /** When it was made, in ms since 1970. */
  readonly time: number;
  /** Of its file. */
  readonly hash: string;
  readonly statements: readonly string[];
  /** The time of the migration that code must have to run on the database from now on; undefined if any code can. */
  readonly least: number | undefined;
}

/** A comment in a migration for the engine. */
const DIRECTIVE = /^--\s*afterwrite:\s*(.*?)\s*$/gm;

/**
 * The migrations of this code, in the order of their journal.
 * @throws {DatabaseError} MIGRATION_FAILED if a comment for the engine cannot be understood.
 */
export function migrationsOf({ folder }: MigrationHistory): readonly Migration[] {
  const journal = JSON.parse(readFileSync(join(folder, 'meta', '_journal.json'), 'utf8')) as {
    readonly entries: readonly { readonly tag: string }[];
  };
  const files = readMigrationFiles({ migrationsFolder: folder });
  const times = new Map(files.map(({ folderMillis }, nth) => [journal.entries[nth]?.tag, folderMillis]));
  return files.map(({ folderMillis: time, hash, sql: statements }, nth) => {
    const name = journal.entries[nth]?.tag ?? String(time);
    return { name, time, hash, statements, least: leastIn(name, statements.join('\n'), times) };
  });
}

function leastIn(name: string, text: string, times: ReadonlyMap<string | undefined, number>): number | undefined {
  const least = [...text.matchAll(DIRECTIVE)].map(([, directive = '']) => {
    const [, tag] = /^needs (\S+)$/.exec(directive) ?? [];
    const time = tag === undefined ? undefined : times.get(tag);
    if (time !== undefined) return time;
    const what = tag === undefined ? 'is not understood' : `names ${tag}, which is no migration of this folder`;
    throw new DatabaseError(
      'MIGRATION_FAILED',
      `The migration ${name} was not applied: its comment “afterwrite: ${directive}” ${what}. ` +
        'Write “-- afterwrite: needs NAME”, with the name of the oldest migration that code must have to run on the database from then on.',
    );
  });
  return least.length === 0 ? undefined : Math.max(...least);
}

/** The time of the last migration of this code; 0 if there is none. */
export function newestOf(history: MigrationHistory): number {
  return Math.max(0, ...migrationsOf(history).map(({ time }) => time));
}

/** The record of a history in the database. */
export interface RecordedMigrations {
  readonly hashes: ReadonlySet<string>;
  readonly times: ReadonlySet<number>;
  /** The time of the newest; 0 before the first. */
  readonly newest: number;
  /**
   * All migrations up to this time were applied, whatever their hashes and times are: when the engine and the
   * application had one history, its files were others. 0 if the database is not from that time.
   */
  readonly completeUntil: number;
}

/** The migrations that the database has had. Runs as the URL's user. */
export async function recordedIn(db: Database, { table }: MigrationHistory): Promise<RecordedMigrations> {
  const rows = (await isThere(db, table))
    ? await db.execute<{ hash: string; time: string }>(sql`select hash, created_at as time from ${nameOf(table)}`)
    : [];
  const times = rows.map(({ time }) => Number(time));
  const newest = Math.max(0, ...times);
  // The application's table of such a database has the engine's migrations too.
  const isOfOneHistory = table === engineHistory.table || times.includes(migrationsOf(engineHistory)[0]?.time ?? 0);
  const completeUntil = isOfOneHistory ? Math.min(newest, LAST_OF_ONE_HISTORY) : 0;
  return { hashes: new Set(rows.map(({ hash }) => hash)), times: new Set(times), newest, completeUntil };
}

/** The migrations of this code that the database has not had. */
export function missingOf(
  migrations: readonly Migration[],
  { hashes, times, completeUntil }: RecordedMigrations,
): readonly Migration[] {
  return migrations.filter(({ hash, time }) => !hashes.has(hash) && !times.has(time) && time > completeUntil);
}

/** The newest migration of the database, comparable with {@link newestOf}; 0 before the first. Runs as the URL's user. */
export async function migratedTo(db: Database, { table }: MigrationHistory): Promise<number> {
  if (!(await isThere(db, table))) return 0;
  const [last] = await db.execute<{ created_at: string | null }>(
    sql`select max(created_at) as created_at from ${nameOf(table)}`,
  );
  return Number(last?.created_at ?? 0);
}

/**
 * The last migration of the time when engine and application had one history, in the engine's table. A database from that time has
 * had the application's migrations up to then as well.
 */
export const LAST_OF_ONE_HISTORY = 1796001244349;

/**
 * Makes the application's table. It is made before the engine's first migration, so that a database without it and with the
 * engine's is one from the time of one history.
 */
export async function prepareAppHistory(db: Database): Promise<void> {
  if (await isThere(db, APP_TABLE)) {
    const [column] = await db.execute(
      sql`select from pg_attribute where attrelid = ${`${MIGRATIONS_SCHEMA}.${APP_TABLE}`}::regclass and attname = 'least'`,
    );
    if (!column) await db.execute(sql`alter table ${nameOf(APP_TABLE)} add column if not exists least bigint`);
    return;
  }
  const hasOneHistory = await isThere(db, engineHistory.table);
  await db.transaction(async (tx) => {
    await tx.execute(sql`create schema if not exists ${sql.identifier(MIGRATIONS_SCHEMA)}`);
    // As Drizzle makes it, with the time of the migration that code must have from then on.
    await tx.execute(
      sql`create table ${nameOf(APP_TABLE)} (id serial primary key, hash text not null, created_at bigint, least bigint)`,
    );
    if (!hasOneHistory) return;
    await tx.execute(sql`insert into ${nameOf(APP_TABLE)} (hash, created_at)
      select hash, created_at from ${nameOf(engineHistory.table)} where created_at <= ${LAST_OF_ONE_HISTORY} order by created_at`);
  });
}

/**
 * The time of the migration that code must have to run on the database; 0 if any code can. Migrations of the engine set
 * it in `es.store`, those of an application with a comment.
 */
export async function leastOf(db: Database, { table }: MigrationHistory): Promise<number> {
  const [row] = await db.execute<{ time: string | null }>(
    table === engineHistory.table
      ? sql`select least_migration as time from es.store`
      : // Tables of earlier releases lack the column.
        sql`select max((to_jsonb(m) ->> 'least')::int8) as time from ${nameOf(table)} m`,
  );
  return Number(row?.time ?? 0);
}

/** A table of migrations, as SQL names it. */
export function nameOf(table: string) {
  return sql`${sql.identifier(MIGRATIONS_SCHEMA)}.${sql.identifier(table)}`;
}

async function isThere(db: Database, table: string): Promise<boolean> {
  const [row] = await db.execute<{ there: boolean }>(
    sql`select to_regclass(${`${MIGRATIONS_SCHEMA}.${table}`}) is not null as there`,
  );
  return row?.there === true;
}
