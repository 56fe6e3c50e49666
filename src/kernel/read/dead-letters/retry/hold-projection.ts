import { sql } from 'drizzle-orm';
import type { Database } from '../../../../database/client.ts';
import type { Key, Projection } from '../../../define/read-model/projection.ts';
import { ProjectionTable } from '../../fold/projection-table.ts';
import { lockForWriting } from '../../tables/tables.ts';
import { OtherVersionError } from '../errors.ts';

/**
 * Prevents any change of a projection until the transaction ends.
 * @throws {OtherVersionError} if this version of it does not exist.
 */
export async function holdProjection(tx: Database, projection: Projection): Promise<void> {
  const { name, version, checkpoint } = projection;
  const found = sql`select from read.checkpoints where projection = ${checkpoint.key}`;
  // Without a checkpoint, the table may not exist either.
  if ((await tx.execute(found)).length === 0) throw new OtherVersionError(name, version);
  await lockForWriting(tx, projection);
  if ((await tx.execute(sql`${found} for update`)).length === 0) throw new OtherVersionError(name, version);
}

/** From now on, batches that the projection's owner has computed from outdated rows and parked events are refused. */
export async function raiseGeneration(tx: Database, { checkpoint: { key } }: Projection): Promise<void> {
  await tx.execute(sql`update read.checkpoints set generation = generation + 1 where projection = ${key}`);
}

/** Marks rows that no longer lack events. */
export async function clearRows(tx: Database, projection: Projection, rows: readonly Key[]): Promise<void> {
  await new ProjectionTable(tx, projection).clearStale(rows);
  await raiseGeneration(tx, projection);
}

/** Number of events that are parked under a key. */
export async function countParked(db: Database, { checkpoint }: Projection, key: string): Promise<number> {
  const [row] = await db.execute<{ count: number }>(
    sql`select count(*)::int as count from read.dead_letters
        where projection = ${checkpoint.key} and key = ${key} and status = 'PARKED'`,
  );
  return row?.count ?? 0;
}
