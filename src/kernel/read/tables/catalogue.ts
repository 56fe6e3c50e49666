import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { arrayText } from '../../../database/column-arrays.ts';
import { acrossTenants, forcedTables } from '../../../database/tenancy/tenant-tables.ts';
import { type CheckpointId, checkpointId } from '../../define/checkpoint-id.ts';
import { dropParkedEvents } from '../dead-letters/dead-letter-store.ts';
import { SHADOW_PURPOSES, shadowTableName } from '../rebuild/shadow.ts';
import { READ_SCHEMA } from './tables.ts';

/** Records the tables of a version of a read model, and that it is in use now. */
export async function noteTables(
  tx: Database,
  { key, name, version }: CheckpointId,
  tables: readonly string[],
): Promise<void> {
  await tx.execute(sql`
    insert into read.read_models (key, name, version, tables)
    values (${key}, ${name}, ${version}, ${arrayText(tables)}::text::text[])
    on conflict (key) do update set tables = excluded.tables, used_at = clock_timestamp()`);
}

/**
 * Drops the tables of a version of a read model with everything that belongs to them: its checkpoint, those of
 * rebuilds, and parked events.
 * @param tables their names without the schema.
 */
export async function dropVersion(
  tx: Database,
  { key, name, version }: CheckpointId,
  tables: readonly string[],
): Promise<void> {
  // Tables are locked before their checkpoint, as writers do.
  for (const table of tables) {
    for (const each of [table, ...(await shadowsOf(tx, table))]) {
      await tx.execute(sql`drop table if exists ${sql.identifier(READ_SCHEMA)}.${sql.identifier(each)}`);
    }
  }
  // Tables that tenants share are gone for all of them.
  await acrossTenants(tx, await forcedTables(tx, ['read.checkpoints', 'read.dead_letters']), async () => {
    for (const each of [key, ...SHADOW_PURPOSES.map((purpose) => checkpointId(purpose, name, version).key)]) {
      await tx.execute(sql`delete from read.checkpoints where projection = ${each}`);
      await dropParkedEvents(tx, each);
    }
  });
  await tx.execute(sql`delete from read.read_models where key = ${key}`);
}

/** The names that tables beside a live one may have, of whichever tenant. */
async function shadowsOf(tx: Database, live: string): Promise<string[]> {
  const tenants = await tx.execute<{ name: string }>(sql`select name from es.tenants`);
  const names = SHADOW_PURPOSES.flatMap((purpose) => [
    shadowTableName(live, purpose),
    ...tenants.map(({ name }) => shadowTableName(live, purpose, name)),
  ]);
  const present = await tx.execute<{ name: string }>(sql`
    select relname as name from pg_class
    where relnamespace = to_regnamespace(${READ_SCHEMA}::text) and relname = any(${arrayText(names)}::text::text[])`);
  return present.map(({ name }) => name);
}

/** A version of a read model that has tables in this database. */
export interface StoredVersion extends CheckpointId {
  /** Without their schema. */
  readonly tables: readonly string[];
  /** Size on disk in bytes, with indexes. */
  readonly bytes: number;
  readonly createdAt: Date;
  /** When a process that uses it was last seen alive, with an accuracy of about a minute. */
  readonly usedAt: Date;
  /** The processes that use it now, as host:pid. */
  readonly users: readonly string[];
}

interface ReadModelRow extends Record<string, unknown> {
  readonly name: string;
  readonly version: number;
  readonly tables: readonly string[];
  readonly bytes: number;
  readonly createdMs: number;
  readonly usedMs: number;
  readonly users: readonly string[];
}

/**
 * All versions of read models that have tables in this database, by name and version; none in a database of a release
 * before 0028.
 */
export async function storedVersions(db: Database): Promise<StoredVersion[]> {
  const [known] = await db.execute<{ there: boolean }>(
    sql`select to_regclass('read.read_models') is not null as there`,
  );
  if (!known?.there) return [];
  const rows = await db.execute<ReadModelRow>(sql`
    select name, version, to_jsonb(tables) as tables,
           (select coalesce(sum(pg_total_relation_size(to_regclass(format('read.%I', each)))), 0)::int8
            from unnest(tables) as each) as bytes,
           extract(epoch from created_at)::float8 * 1000 as "createdMs", extract(epoch from used_at)::float8 * 1000 as "usedMs",
           (select coalesce(jsonb_agg(distinct process), '[]') from read.instances
            where alive_until > now() and m.key = any(uses)) as users
    from read.read_models m order by name, version`);
  return rows.map(({ createdMs, usedMs, name, version, ...row }) => ({
    ...checkpointId('projection', name, version),
    ...row,
    createdAt: new Date(Math.round(createdMs)),
    usedAt: new Date(Math.round(usedMs)),
  }));
}
