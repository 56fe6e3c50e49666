import type { Database } from '../../../database/client.ts';
import type { CheckpointAdvance } from '../../checkpoints/advance.ts';
import type { Projection } from '../../define/read-model/projection.ts';
import { ProjectionTable } from '../fold/projection-table.ts';
import type { Writes } from '../fold/working-rows.ts';
import { lockForWriting } from '../tables/tables.ts';
import type { BatchParking } from './batch-parking.ts';
import { writeParkedEvents } from './dead-letter-store.ts';

/**
 * Writes a batch with parked events, and moves the checkpoint, all or nothing.
 * @throws {FencedError} if the checkpoint is not at `from` in this generation, or `owner` does not own the projection.
 */
export async function writeParkedBatch(
  db: Database,
  projection: Projection,
  writes: Writes,
  advance: CheckpointAdvance,
  parking: BatchParking,
): Promise<void> {
  await db.transaction(async (transaction) => {
    const tx = transaction as unknown as Database;
    await lockForWriting(tx, projection);
    await new ProjectionTable(tx, projection).write(writes, advance);
    await writeParkedEvents(tx, projection, parking);
  });
}
