import { getTableName, sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import type { Database } from '../../../database/client.ts';
import { renamed } from '../../../database/driver/drizzle/table-names.ts';
import type { Projection } from '../../define/read-model/projection.ts';
import { adoptTables } from './adopt-tables.ts';
import { dropVersion, noteTables } from './catalogue.ts';
import { differences, readColumns } from './table-columns.ts';
import { ddlOf, INDEX_MARK, type IndexDdl, markIndex, quoted, ReadTableError, type TableDdl } from './table-ddl.ts';
import { isSame, lacking, partsOf, type TablePart } from './table-parts.ts';
import { sealing, sealOf } from './table-seal.ts';
import { tablesOf } from './tables.ts';

/** The advisory lock under which tables of read models are created. */
export const TABLES_LOCK = 4651736;
/** How long to wait for that lock and for those of tables, in ms. */
const LOCK_TIMEOUT_MS = 30_000;
/** The name of a table while it is compared with its declaration. It is never committed. */
const PROBE = '__declared';
const PROBE_INDEX = '__declared_';

export interface EnsureTablesParts {
  /** With the rights of the tables' owner. */
  readonly db: Database;
  readonly projections: readonly Projection[];
  /** Grants rights on new tables to the parts of the application, in the same transaction. */
  readonly grant: (tx: Database) => Promise<void>;
}

/** An index that a table should have. */
export interface WantedIndex {
  readonly name: string;
  /** The statement that creates it without blocking writers. */
  readonly create: string;
}

/** The result of {@link ensureTables}, and what is left to do. */
export interface EnsuredTables {
  /** Tables that were created, without their schema. */
  readonly created: readonly string[];
  /** Indexes that tables with rows lack. They are created one by one while the read models are in use. */
  readonly missing: readonly WantedIndex[];
}

/**
 * Creates the missing tables of this code's versions of read models, with their indexes and rights, and compares the
 * others with their declarations. Takes over those of releases that had one table for all versions. All of this is one
 * transaction: if several instances start together, the first one does it, and the others find everything done.
 *
 * A table that is as declared has a hash of its declaration in its comment, so that an unchanged one is not compared
 * again.
 * @throws {ReadTableError} READ_TABLE_CHANGED if columns, keys or checks differ from the declaration; READ_TABLE_TAKEN if a table
 *   of that name belongs to something else; READ_TABLES_IN_USE. Then nothing is changed.
 */
export function ensureTables({ db, projections, grant }: EnsureTablesParts): Promise<EnsuredTables> {
  return db.transaction(async (transaction) => {
    const tx = transaction as unknown as Database;
    await tx.execute(sql.raw(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`));
    await tx.execute(sql`select pg_advisory_xact_lock(${TABLES_LOCK})`);
    const adopted = await adoptTables(tx, projections);
    const tablesThere = await presentTables(tx);
    const created: string[] = [];
    const missing: WantedIndex[] = [];
    for (const projection of projections) {
      const tables = tablesOf(projection);
      const ddlOptions = { hasTenants: projection.tenant !== undefined };
      const names = tables.map(getTableName);
      const present = tables.filter((table) => tablesThere.has(getTableName(table)));
      for (const table of present) refuseTaken(projection, getTableName(table), tablesThere);
      let isWhole = present.length === tables.length;
      try {
        // Also if another table is missing: a version that gets a history is another version.
        const lacks: WantedIndex[] = [];
        for (const table of present) lacks.push(...(await compare(tx, projection, table, tablesThere)));
        if (isWhole) missing.push(...lacks);
      } catch (error) {
        // A former release has changed its table by a migration that is missing here.
        if (!(error instanceof ReadTableError && adopted.has(projection.name))) throw error;
        isWhole = false;
      }
      if (!isWhole) {
        // A checkpoint without its table, or with only one of two tables, would never be complete: everything is
        // created and filled again.
        await dropVersion(tx, projection.checkpoint, names);
        for (const table of tables) await createTable(tx, ddlOf(table, ddlOptions));
        created.push(...names);
      }
      await noteTables(tx, projection.checkpoint, names);
    }
    if (created.length > 0) await grant(tx);
    return { created, missing };
  });
}

interface PresentTable extends Record<string, unknown> {
  readonly name: string;
  /** Empty if it has none. */
  readonly comment: string;
  /** The key of the version of a read model that it belongs to; null if it belongs to none. */
  readonly owner: string | null;
}

/** The tables in schema `read`, by name. */
async function presentTables(tx: Database): Promise<ReadonlyMap<string, PresentTable>> {
  const rows = await tx.execute<PresentTable>(sql`
    select relname as name, coalesce(obj_description(c.oid, 'pg_class'), '') as comment,
           (select key from read.read_models where relname = any(tables) limit 1) as owner
    from pg_class c join pg_namespace n on n.oid = relnamespace where nspname = 'read' and relkind in ('r', 'p')`);
  return new Map(rows.map((row) => [row.name, row]));
}

/** Rows of something else would be taken for those of this version. */
function refuseTaken(
  { name, version, checkpoint }: Projection,
  table: string,
  tablesThere: ReadonlyMap<string, PresentTable>,
): void {
  const owner = tablesThere.get(table)?.owner;
  if (owner === checkpoint.key) return;
  const whose = owner ? `belongs to ${owner}` : 'was not made by the engine';
  throw new ReadTableError(
    'READ_TABLE_TAKEN',
    table,
    `The table read.${table} ${whose}, but read model ${name} (version ${version}) needs this name for its own. ` +
      `Rename the table or drop it, or raise the version of ${name}. Nothing was changed.`,
  );
}

async function createTable(tx: Database, ddl: TableDdl): Promise<void> {
  await createWithIndexes(tx, ddl);
  for (const { name } of ddl.indexes) await tx.execute(sql.raw(markIndex(name)));
  await tx.execute(sql.raw(sealing(ddl)));
}

async function createWithIndexes(tx: Database, { create, policies, indexes }: TableDdl): Promise<void> {
  for (const statement of [create, ...policies]) await tx.execute(sql.raw(statement));
  for (const index of indexes) await tx.execute(sql.raw(index.create));
}

/**
 * Compares a table with its declaration, unless its comment contains the declaration's hash.
 * @returns the indexes that it lacks.
 */
async function compare(
  tx: Database,
  projection: Projection,
  table: PgTable,
  tablesThere: ReadonlyMap<string, PresentTable>,
): Promise<WantedIndex[]> {
  const hasTenants = projection.tenant !== undefined;
  const ddl = ddlOf(table, { hasTenants });
  if (tablesThere.get(getTableName(table))?.comment === sealOf(ddl)) return [];
  const probe = renamed(table, PROBE);
  await createWithIndexes(tx, ddlOf(probe, { hasTenants, indexNames: (nth) => `${PROBE_INDEX}${nth}` }));
  const declared = await partsOf(tx, probe);
  const phrases = differences(await readColumns(tx, probe), await readColumns(tx, table));
  await tx.execute(sql`drop table ${probe}`);
  const present = await partsOf(tx, table);
  const lacks = lacking(declared, present);
  const surplus = lacking(present, declared).filter(({ isPrimary }) => !isPrimary);
  phrases.push(...lacks.filter(decidesRows).map((part) => `it lacks ${phraseOf(part)}`));
  phrases.push(...surplus.filter(decidesRows).map((part) => `its ${phraseOf(part)} is not declared`));
  if (phrases.length > 0) throw changed(projection, table, phrases);
  await renameIndexes(tx, ddl, declared, present);
  const wanted = lacks.flatMap((part) => {
    const index = indexOf(ddl, part);
    return index ? [{ name: index.name, create: index.createConcurrently }] : [];
  });
  // The next start finds its indexes there.
  if (wanted.length === 0) await tx.execute(sql.raw(sealing(ddl)));
  return wanted;
}

/** The declared index that a part of the probe stands for. */
function indexOf({ indexes }: TableDdl, { kind, name }: TablePart): IndexDdl | undefined {
  return kind === 'index' ? indexes[Number(name.slice(PROBE_INDEX.length))] : undefined;
}

/** Gives the engine's indexes that are as declared the names that stand for their definitions. Former releases named them otherwise. */
async function renameIndexes(
  tx: Database,
  ddl: TableDdl,
  declared: readonly TablePart[],
  present: readonly TablePart[],
): Promise<void> {
  const names = new Set(ddl.indexes.map(({ name }) => name));
  const others = present.filter(({ name, comment }) => comment === INDEX_MARK && !names.has(name));
  for (const part of declared) {
    const wanted = indexOf(ddl, part);
    if (!wanted || present.some(({ name }) => name === wanted.name)) continue;
    const at = others.findIndex((other) => isSame(part, other));
    const [former] = at < 0 ? [] : others.splice(at, 1);
    if (former) await tx.execute(sql.raw(`alter index read.${quoted(former.name)} rename to ${quoted(wanted.name)}`));
  }
}

/**
 * True for what is unique and for checks. They decide which rows are possible, so they are as much a part of the table as its columns:
 * other code that works on the same table could not store its rows. Postgres 18 also lists what is not null, which the columns say.
 */
function decidesRows({ kind, isUnique }: TablePart): boolean {
  return isUnique || kind === 'check';
}

function phraseOf({ kind, definition }: TablePart): string {
  return kind === 'index' ? `unique index ${definition}` : definition;
}

function changed({ name, version }: Projection, table: PgTable, phrases: readonly string[]): ReadTableError {
  const called = getTableName(table);
  return new ReadTableError(
    'READ_TABLE_CHANGED',
    called,
    `The table read.${called} of read model ${name} (version ${version}) is not as the code declares it: ${phrases.join('; ')}. ` +
      `Raise the version of ${name}, so that it gets a table of its own, or take the change of the declaration back.`,
  );
}
