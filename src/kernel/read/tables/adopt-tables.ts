import { getTableName, sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { checkpointId } from '../../define/checkpoint-id.ts';
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
 * with rows, position and parked events. Unfinished rebuilds of such a release are dropped.
 *
 * @returns the names of the read models whose table is that of this code's version.
 * @throws {ReadTableError} READ_TABLES_IN_USE while a process of such a release is alive: it would lose its tables.
 */
export async function adoptTables(tx: Database, projections: readonly Projection[]): Promise<ReadonlySet<string>> {
  const former = await tx.execute<{ name: string; version: number }>(
    sql`select consumer as name, version from read.checkpoints where kind = 'projection' and projection = consumer`,
  );
  const adopted = new Set<string>();
  for (const { name, version } of former) {
    const projection = projections.find((candidate) => candidate.name === name);
    if (!projection) continue;
    await refuseIfInUse(tx);
    await adopt(tx, projection, version);
    if (version === projection.version) adopted.add(name);
  }
  return adopted;
}

async function refuseIfInUse(tx: Database): Promise<void> {
  const alive = await tx.execute<{ process: string }>(
    sql`select process from read.instances where uses is null and alive_until > now() order by process`,
  );
  if (alive.length === 0) return;
  throw new ReadTableError(
    'READ_TABLES_IN_USE',
    '',
    `Processes of an older release of Afterwrite are running: ${alive.map(({ process }) => process).join(', ')}. ` +
      'They would lose the tables of the read models, which get new names now. Stop them, and start again; nothing was changed.',
  );
}

async function adopt(tx: Database, projection: Projection, version: number): Promise<void> {
  const { name } = projection;
  const id = checkpointId('projection', name, version);
  await dropFormerShadows(tx, projection);
  const renames = tablesOf(projection).map((table) => {
    const declared = declaredName(table);
    const stored = version === projection.version ? getTableName(table) : versionedName(declared, version);
    return [declared, stored] as const;
  });
  const present: string[] = [];
  for (const [declared, stored] of renames) {
    if (!(await isThere(tx, declared))) continue;
    await tx.execute(sql`alter table ${named(declared)} rename to ${sql.identifier(stored)}`);
    present.push(stored);
  }
  await tx.execute(sql`update read.checkpoints set projection = ${id.key} where projection = ${name}`);
  await tx.execute(sql`update read.dead_letters set projection = ${id.key} where projection = ${name}`);
  await noteTables(tx, id, present);
}

/** Drops the tables and checkpoints of rebuilds and comparisons of the former release. */
async function dropFormerShadows(tx: Database, { name, ...projection }: Projection): Promise<void> {
  for (const purpose of SHADOW_PURPOSES) {
    for (const table of tablesOf(projection)) {
      await tx.execute(sql`drop table if exists ${named(shadowTableName(declaredName(table), purpose))}`);
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
