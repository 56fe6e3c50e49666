import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import type { Key, Projection } from '../../define/read-model/projection.ts';
import { ProjectionTable } from '../fold/projection-table.ts';
import { OtherVersionError } from './errors.ts';
import { lockForWriting } from './write-parked-batch.ts';

/**
 * Prevents any change of a projection until the transaction ends.
 * @throws {OtherVersionError} if the table belongs to another version.
 */
export async function holdProjection(tx: Database, projection: Projection): Promise<void> {
  const { name, version } = projection;
  await lockForWriting(tx, projection);
  const [checkpoint] = await tx.execute<{ version: number }>(
    sql`select version from read.checkpoints where projection = ${name} for update`,
  );
  if (checkpoint?.version !== version) throw new OtherVersionError(name, version, checkpoint?.version);
}

/** From now on, batches that the projection's owner has computed from the former rows and parked events are refused. */
export async function raiseGeneration(tx: Database, projection: string): Promise<void> {
  await tx.execute(sql`update read.checkpoints set generation = generation + 1 where projection = ${projection}`);
}

/** Marks rows that no longer lack events. */
export async function clearRows(tx: Database, projection: Projection, rows: readonly Key[]): Promise<void> {
  await new ProjectionTable(tx, projection).clearStale(rows);
  await raiseGeneration(tx, projection.name);
}

/** Number of events that are parked under a key. */
export async function countParked(db: Database, projection: string, key: string): Promise<number> {
  const [row] = await db.execute<{ count: number }>(
    sql`select count(*)::int as count from read.dead_letters
        where projection = ${projection} and key = ${key} and status = 'PARKED'`,
  );
  return row?.count ?? 0;
}
