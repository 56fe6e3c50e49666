import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import type { Key, Projection } from '../../define/projection.ts';
import { ProjectionTable } from '../fold/projection-table.ts';
import { OtherVersionError } from './errors.ts';
import { lockForWriting } from './write-parked-batch.ts';

/**
 * Keeps a projection where it is until the transaction ends.
 * @throws {OtherVersionError} if the table is another version's.
 */
export async function holdProjection(tx: Database, projection: Projection): Promise<void> {
  const { name, version } = projection;
  await lockForWriting(tx, projection);
  const [checkpoint] = await tx.execute<{ version: number }>(
    sql`select version from read.checkpoints where projection = ${name} for update`,
  );
  if (checkpoint?.version !== version) throw new OtherVersionError(name, version, checkpoint?.version);
}

/** What the projection's owner works out from the rows and parked events that were there before is refused from now on. */
export async function raiseGeneration(tx: Database, projection: string): Promise<void> {
  await tx.execute(sql`update read.checkpoints set generation = generation + 1 where projection = ${projection}`);
}

/** These rows lack no events any more. */
export async function clearRows(tx: Database, projection: Projection, rows: readonly Key[]): Promise<void> {
  await new ProjectionTable(tx, projection).clearStale(rows);
  await raiseGeneration(tx, projection.name);
}

/** Events that are parked under a key. */
export async function countParked(db: Database, projection: string, key: string): Promise<number> {
  const [row] = await db.execute<{ count: number }>(
    sql`select count(*)::int as count from read.dead_letters
        where projection = ${projection} and key = ${key} and status = 'PARKED'`,
  );
  return row?.count ?? 0;
}
