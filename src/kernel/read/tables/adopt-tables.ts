import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { inUse } from '../../../database/migrations/compatibility.ts';
import { type CheckpointId, checkpointId } from '../../define/checkpoint-id.ts';
import type { Projection } from '../../define/read-model/projection.ts';
import { declaredName, versionedName } from '../../define/read-model/versioned-table.ts';
import { dropParkedEvents } from '../dead-letters/dead-letter-store.ts';
import { SHADOW_PURPOSES, shadowTableName } from '../rebuild/shadow.ts';
import { noteTables } from './catalogue.ts';
import { ReadTableError } from './table-ddl.ts';
import { READ_SCHEMA, tablesOf } from './tables.ts';

/**
 * Takes over the tables of releases before 0028, which had one table for all versions of a read model (`orders`) and
 * one checkpoint. They become the table and the checkpoint of the version that filled them (`orders_v3`, `orders@3`),
 * with rows, position and parked events. Unfinished rebuilds of such a release are dropped. Read models that are no
 * longer in the code are taken over too: as versions that nobody uses, they are dropped after a time.
 *
 * @returns the names of the read models whose table is that of this code's version.
 * @throws {ReadTableError} READ_TABLES_IN_USE while a process of such a release is alive: it would lose its tables.
 */
export async function adoptTables(tx: Database, projections: readonly Projection[]): Promise<ReadonlySet<string>> {
  const former = await tx.execute<{ name: string; version: number }>(
    sql`select consumer as name, version from read.checkpoints where kind = 'projection' and projection = consumer`,
  );
  const declared = new Map(projections.map((projection) => [projection.name, tablesOf(projection).map(declaredName)]));
  const taken = new Set([...declared.values()].flat());
  const adopted = new Set<string>();
  for (const { name, version } of former) {
    await refuseIfInUse(tx);
    const tables = declared.get(name) ?? probableTablesOf(name).filter((table) => !taken.has(table));
    await adopt(tx, checkpointId('projection', name, version), tables);
    if (projections.some((projection) => projection.name === name && projection.version === version)) adopted.add(name);
  }
  return adopted;
}

/**
 * The names under which the tables of a read model are looked for that is no longer in the code: its own name, as it is
 * and in the usual spelling of Postgres. Nothing else is known of it.
 */
function probableTablesOf(name: string): string[] {
  const spelt = name.replace(/(?<=[a-z0-9])[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
  return [...new Set([name, spelt])].flatMap((table) => [table, `${table}_history`]);
}

/** The migration has looked before; a process that was starting then may have come since. */
async function refuseIfInUse(tx: Database): Promise<void> {
  const alive = await tx.execute<{ process: string }>(
    sql`select process from read.instances where uses is null and alive_until > now() order by process`,
  );
  if (alive.length === 0) return;
  throw new ReadTableError('READ_TABLES_IN_USE', '', inUse(alive));
}

async function adopt(tx: Database, id: CheckpointId, tables: readonly string[]): Promise<void> {
  await dropFormerShadows(tx, id.name, tables);
  const present: string[] = [];
  for (const declared of tables) {
    if (!(await isThere(tx, declared))) continue;
    const stored = versionedName(declared, id.version);
    await tx.execute(sql`alter table ${named(declared)} rename to ${sql.identifier(stored)}`);
    present.push(stored);
  }
  await tx.execute(sql`update read.checkpoints set projection = ${id.key} where projection = ${id.name}`);
  await tx.execute(sql`update read.dead_letters set projection = ${id.key} where projection = ${id.name}`);
  await noteTables(tx, id, present);
}

/** Drops the tables and checkpoints of rebuilds and comparisons of the former release. */
async function dropFormerShadows(tx: Database, name: string, tables: readonly string[]): Promise<void> {
  for (const purpose of SHADOW_PURPOSES) {
    for (const table of tables) {
      await tx.execute(sql`drop table if exists ${named(shadowTableName(table, purpose))}`);
    }
    const key = `${name}#${purpose}`;
    await tx.execute(sql`delete from read.checkpoints where projection = ${key}`);
    await dropParkedEvents(tx, key);
  }
}

function named(table: string) {
  return sql`${sql.identifier(READ_SCHEMA)}.${sql.identifier(table)}`;
}

async function isThere(tx: Database, table: string): Promise<boolean> {
  const [row] = await tx.execute<{ there: boolean }>(
    sql`select to_regclass(format('%I.%I', ${READ_SCHEMA}::text, ${table}::text)) is not null as there`,
  );
  return row?.there === true;
}
