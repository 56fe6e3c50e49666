import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { rootOf } from '../../../database/errors.ts';
import type { Projection } from '../../define/read-model/projection.ts';
import { lockForWriting } from '../../read/tables/tables.ts';
import { hideRows } from './hide-rows.ts';
import type { ColumnMasks } from './mask-columns.ts';
import type { TouchedRows } from './touched-rows.ts';

/** The generations of a table's checkpoint before and after its rows were masked. */
export interface Applied {
  readonly before: number;
  readonly after: number;
}

/** How long it waits for each lock, in ms. Meanwhile it has one of few places. */
const LOCK_TIMEOUT_MS = 1000;
/** With more rows than these, most of it is done before whoever fills the table has to wait. */
const MANY_ROWS = 500;
const LOCK_NOT_AVAILABLE = '55P03';
const DEADLOCK = '40P01';

/**
 * Masks rows of a live table.
 * @param isRunning true if this instance fills the table: it may have rows and events in memory from before, and begins again.
 * @returns `busy` if somebody else holds the table, its rows or its checkpoint: nothing is done then, or only a part of it.
 */
export async function applyHiding(
  db: Database,
  projection: Projection,
  touched: TouchedRows,
  masks: ColumnMasks,
  isRunning: boolean,
): Promise<Applied | 'busy'> {
  try {
    if (touched.size > MANY_ROWS) await limited(db, (tx) => hideRows(tx, projection, touched, masks));
    return await limited(db, async (tx) => {
      await lockForWriting(tx, projection);
      const { key } = projection.checkpoint;
      const [held] = await tx.execute<{ generation: number }>(
        sql`select generation from read.checkpoints where projection = ${key} for no key update`,
      );
      if (!held) return { before: 0, after: 0 };
      const changed = await hideRows(tx, projection, touched, masks);
      if (changed === 0 && !isRunning) return { before: held.generation, after: held.generation };
      const [next] = await tx.execute<{ generation: number }>(sql`
        update read.checkpoints set generation = generation + 1, updated_at = now() where projection = ${key}
        returning generation`);
      return { before: held.generation, after: next?.generation ?? held.generation };
    });
  } catch (error) {
    const { code } = rootOf(error);
    if (code === LOCK_NOT_AVAILABLE || code === DEADLOCK) return 'busy';
    throw error;
  }
}

function limited<T>(db: Database, work: (tx: Database) => Promise<T>): Promise<T> {
  return db.transaction(async (tx) => {
    await tx.execute(sql.raw(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`));
    return work(tx as unknown as Database);
  });
}
