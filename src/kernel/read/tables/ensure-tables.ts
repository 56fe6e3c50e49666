import { createHash } from 'node:crypto';
import { getTableName, sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import type { Database } from '../../../database/client.ts';
import type { Projection } from '../../define/read-model/projection.ts';
import { differences, readColumns } from './table-columns.ts';
import { ddlOf, ReadTableError, type TableDdl } from './table-ddl.ts';
import { lacking, partsOf } from './table-parts.ts';
import { renamed, tablesOf } from './tables.ts';

/** The advisory lock under which tables of read models are made. */
const TABLES_LOCK = 4651736;
/** How long it waits for that lock and for those of tables, in ms. */
const LOCK_TIMEOUT_MS = 30_000;
/** How a table is called while it is compared with its declaration. It is never committed. */
const PROBE = '__declared';
const PROBE_INDEX = '__declared_';

export interface EnsureTablesParts {
  /** With the rights of the tables' owner. */
  readonly db: Database;
  readonly projections: readonly Projection[];
  /** False if the application makes its tables itself, by migrations: a table that is not there is then an error. */
  readonly makes: boolean;
  /** Gives the parts of the application their rights on what was made, in the same transaction. */
  readonly grant: (tx: Database) => Promise<void>;
}

/** An index that a table is to have. */
export interface WantedIndex {
  readonly name: string;
  /** The statement that makes it under a name, beside those who write. */
  readonly create: (name: string) => string;
}

/** What {@link ensureTables} has done, and what is left to do. */
export interface EnsuredTables {
  /** Tables that were made, without their schema. */
  readonly created: readonly string[];
  /** Indexes that tables lack which have rows: to be made one by one while the read models are used. */
  readonly missing: readonly WantedIndex[];
}

/**
 * Makes the tables of read models that are not there, with their indexes and rights, and compares the others with what is declared. One
 * transaction: of several instances that start together the first does it, and the others find everything done.
 *
 * A table that is as it was declared carries a hash of its declaration in its comment, so that an unchanged one is not compared again.
 * @throws {ReadTableError} READ_TABLE_MISSING if a table is not there and not to be made here; READ_TABLE_CHANGED if columns or the key are not those that are declared; then nothing is changed.
 */
export function ensureTables({ db, projections, makes, grant }: EnsureTablesParts): Promise<EnsuredTables> {
  return db.transaction(async (transaction) => {
    const tx = transaction as unknown as Database;
    await tx.execute(sql.raw(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`));
    await tx.execute(sql`select pg_advisory_xact_lock(${TABLES_LOCK})`);
    const comments = await commentsOf(tx);
    const created: string[] = [];
    const missing: WantedIndex[] = [];
    for (const projection of projections) {
      for (const table of tablesOf(projection)) {
        const name = getTableName(table);
        const ddl = ddlOf(table);
        const seal = sealOf(ddl);
        const comment = comments.get(name);
        if (comment === undefined) {
          if (!makes) throw absent(projection, table);
          await createTable(tx, ddl);
          created.push(name);
        } else if (comment !== seal) {
          const wanted = await compare(tx, projection, table, ddl);
          missing.push(...wanted);
          // The next start finds its indexes there.
          if (wanted.length > 0) continue;
        } else continue;
        await tx.execute(sql.raw(sealingOf(ddl)));
      }
    }
    if (created.length > 0) await grant(tx);
    return { created, missing };
  });
}

/** The tables in schema `read` by name, with their comments: empty if one has none. */
async function commentsOf(tx: Database): Promise<ReadonlyMap<string, string>> {
  const rows = await tx.execute<{ name: string; comment: string }>(sql`
    select relname as name, coalesce(obj_description(c.oid, 'pg_class'), '') as comment
    from pg_class c join pg_namespace n on n.oid = relnamespace where nspname = 'read' and relkind in ('r', 'p')`);
  return new Map(rows.map(({ name, comment }) => [name, comment]));
}

async function createTable(tx: Database, { create, indexes }: TableDdl): Promise<void> {
  await tx.execute(sql.raw(create));
  for (const index of indexes) await tx.execute(sql.raw(index.create));
}

/** Compares a table with its declaration. @returns the indexes that it lacks. */
async function compare(tx: Database, projection: Projection, table: PgTable, ddl: TableDdl): Promise<WantedIndex[]> {
  const probe = renamed(table, PROBE);
  await createTable(
    tx,
    ddlOf(probe, (nth) => `${PROBE_INDEX}${nth}`),
  );
  const declared = await partsOf(tx, probe);
  const phrases = differences(await readColumns(tx, probe), await readColumns(tx, table));
  await tx.execute(sql`drop table ${probe}`);
  const missing = lacking(declared, await partsOf(tx, table)).filter(({ kind }) => kind !== 'rule');
  // Keys and unique constraints decide which rows there can be: they are as much a part of the table as its columns.
  phrases.push(...missing.filter(({ kind }) => kind === 'key').map(({ definition }) => `it lacks ${definition}`));
  if (phrases.length > 0) throw changed(projection, table, phrases);
  return missing.flatMap(({ name }) => {
    const index = ddl.indexes[Number(name.slice(PROBE_INDEX.length))];
    return index ? [{ name: index.name, create: index.createConcurrently }] : [];
  });
}

function absent({ name, version }: Projection, table: PgTable): ReadTableError {
  const called = getTableName(table);
  return new ReadTableError(
    'READ_TABLE_MISSING',
    called,
    `Read model ${name} (version ${version}) has no table read.${called}, and the application makes its tables by migrations. ` +
      'Generate the migration that makes it, and start again.',
  );
}

function changed({ name, version }: Projection, table: PgTable, phrases: readonly string[]): ReadTableError {
  const called = getTableName(table);
  return new ReadTableError(
    'READ_TABLE_CHANGED',
    called,
    `The table read.${called} of read model ${name} (version ${version}) is not as the code declares it: ${phrases.join('; ')}. ` +
      'Write a migration that changes the table, or take the change of the declaration back.',
  );
}

/** The statement that says in a table's comment that the table is as it is declared. */
export function sealingOf(ddl: TableDdl): string {
  return `comment on table ${ddl.table} is '${sealOf(ddl)}'`;
}

/** What a table's comment says if the table is as these statements make it. */
function sealOf({ create, indexes }: TableDdl): string {
  const hash = createHash('sha256');
  for (const statement of [create, ...indexes.map((index) => index.create)]) hash.update(`${statement};`);
  return `Made by Afterwrite as ${hash.digest('hex').slice(0, 32)}.`;
}
