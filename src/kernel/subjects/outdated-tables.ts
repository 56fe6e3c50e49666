import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { erasuresSoFar } from '../define/subjects/subject-erased.ts';

export interface OutdatedTable extends Record<string, unknown> {
  /** Of its checkpoint. */
  readonly key: string;
  /** Number of erasures that it takes into account. */
  readonly erasures: number;
  readonly generation: number;
  readonly isBeingRebuilt: boolean;
}

/** Live tables, of whatever code, that do not take all erasures into account. */
export async function outdatedTables(db: Database): Promise<OutdatedTable[]> {
  return db.execute<OutdatedTable>(sql`
    select projection as key, erasures, generation, exists (
      select from read.checkpoints s where s.kind = 'rebuild' and s.consumer = c.consumer and s.version = c.version
    ) as "isBeingRebuilt"
    from read.checkpoints c
    where kind = 'projection' and erasures < ${erasuresSoFar}
    order by projection`);
}
