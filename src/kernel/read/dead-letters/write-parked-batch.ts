import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import type { CheckpointAdvance } from '../../checkpoints/advance.ts';
import type { Projection } from '../../define/projection.ts';
import { ProjectionTable } from '../fold/projection-table.ts';
import type { Writes } from '../fold/working-rows.ts';
import { listed, tablesOf } from '../rebuild/shadow.ts';
import type { Parking } from './batch-parking.ts';
import { writeParking } from './dead-letter-store.ts';

/**
 * Writes a batch of which something is put aside, and moves the checkpoint, all or nothing.
 * @throws {FencedError} where the checkpoint is not at `from` in this generation, or `owner` does not own the projection.
 */
export async function parkBatch(
  db: Database,
  projection: Projection,
  writes: Writes,
  advance: CheckpointAdvance,
  parking: Parking,
): Promise<void> {
  await db.transaction(async (transaction) => {
    const tx = transaction as unknown as Database;
    await lockForWriting(tx, projection);
    await new ProjectionTable(tx, projection).write(writes, advance);
    await writeParking(tx, projection, parking);
  });
}

/** The tables before their checkpoint, as everybody takes them: nobody waits for the other in a circle. */
export async function lockForWriting(tx: Database, projection: Projection): Promise<void> {
  await tx.execute(sql`lock table ${listed(tablesOf(projection))} in row exclusive mode`);
}
