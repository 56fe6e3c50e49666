import { createHash } from 'node:crypto';
import { sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import type { Database } from '../../../database/client.ts';
import { acrossTenants, forcedTables } from '../../../database/tenancy/tenant-tables.ts';
import type { Projection } from '../../define/read-model/projection.ts';
import { alone } from './build-indexes.ts';
import { ddlOf, INDEX_MARK, quoted } from './table-ddl.ts';
import { regclass } from './table-parts.ts';
import { unsealing } from './table-seal.ts';
import { tablesOf } from './tables.ts';

/**
 * What a process announces next to the key of a read model: which indexes its code declares. Processes with the same
 * version of a read model may declare different ones.
 */
export function indexesKey(projection: Projection): string {
  const hash = createHash('sha256');
  for (const table of tablesOf(projection))
    for (const { create } of ddlOf(table, hasTenants(projection)).indexes) hash.update(`${create};`);
  return `${projection.checkpoint.key} indexes ${hash.digest('hex').slice(0, 16)}`;
}

/**
 * Drops the indexes that the engine has created and this code does not declare, unless a live process has the same
 * version of the read model with other indexes. One instance does this, while the tables are in use.
 * @param db one connection with the rights of the tables' owner. Used only if there is something to drop.
 * @param reader finds what there is to drop.
 * @returns the names of the dropped indexes.
 */
export async function dropIndexes(
  db: Database,
  projections: readonly Projection[],
  reader: Database = db,
): Promise<string[]> {
  const dropped: string[] = [];
  for (const projection of projections) {
    for (const table of tablesOf(projection)) {
      const surplus = await surplusIn(reader, projection, table);
      if (surplus.length === 0 || (await isDeclaredElsewhere(reader, projection))) continue;
      // The processes of other tenants use the same table.
      if (hasTenants(projection).hasTenants && (await isDeclaredForOthers(db, projection))) continue;
      await alone(db, async () => {
        const unseal = () => db.execute(sql.raw(unsealing(ddlOf(table, hasTenants(projection)))));
        // Code that declares the indexes may have compared the table last, or compare it while they are being dropped:
        // it has to find them missing at its next start.
        await unseal();
        for (const name of surplus) {
          await db.execute(sql.raw(`drop index concurrently if exists read.${quoted(name)}`));
          dropped.push(name);
        }
        await unseal();
      });
    }
  }
  return dropped;
}

function hasTenants({ tenant }: Projection) {
  return { hasTenants: tenant !== undefined };
}

async function surplusIn(db: Database, projection: Projection, table: PgTable): Promise<string[]> {
  const declared = new Set(ddlOf(table, hasTenants(projection)).indexes.map(({ name }) => name));
  const made = await db.execute<{ name: string }>(sql`
    select relname as name from pg_index join pg_class on oid = indexrelid
    where indrelid = ${regclass(table)} and obj_description(indexrelid, 'pg_class') = ${INDEX_MARK} order by 1`);
  return made.map(({ name }) => name).filter((name) => !declared.has(name));
}

/** The same, whichever tenant a process serves. */
async function isDeclaredForOthers(db: Database, projection: Projection): Promise<boolean> {
  return db.transaction(async (transaction) => {
    const tx = transaction as unknown as Database;
    return acrossTenants(tx, await forcedTables(tx, ['read.instances']), () => isDeclaredElsewhere(tx, projection));
  });
}

async function isDeclaredElsewhere(db: Database, projection: Projection): Promise<boolean> {
  const [other] = await db.execute(sql`
    select from read.instances
    where alive_until > clock_timestamp() and ${projection.checkpoint.key} = any(uses) and not ${indexesKey(projection)} = any(uses)
    limit 1`);
  return other !== undefined;
}
