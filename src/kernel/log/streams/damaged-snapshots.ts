import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { isIntact, type SnapshotOf } from './snapshot-envelope.ts';

/** Number of snapshots in one read. It is small, because a state may be large. */
const PAGE = 50;
/** Maximum number of snapshots that are named. */
const NAMED = 5;

/** The result of checking the newest snapshots. */
export interface SnapshotCheck {
  /** Number of snapshots that were read. */
  readonly checked: number;
  /** Number of those that cannot be used. */
  readonly count: number;
  /** The first of them. */
  readonly damaged: readonly SnapshotOf[];
}

/** Reads the newest snapshots, at most this many, and compares each with its hash. */
export async function damagedSnapshots(db: Database, most: number): Promise<SnapshotCheck> {
  const damaged: SnapshotOf[] = [];
  let [checked, count] = [0, 0];
  while (checked < most) {
    const rows = await db.execute<{ type: string; id: string; version: number; of: number; state: unknown }>(sql`
      select stream_type as type, stream_id as id, version, state_version as of, state from es.snapshots
      order by taken_at desc, stream_type, stream_id limit ${Math.min(PAGE, most - checked)}::int offset ${checked}::int`);
    for (const { type: streamType, id: streamId, version, of: stateVersion, state } of rows) {
      const snapshot = { streamType, streamId, version, stateVersion };
      if (isIntact(snapshot, state)) continue;
      count++;
      if (damaged.length < NAMED) damaged.push(snapshot);
    }
    checked += rows.length;
    if (rows.length < PAGE) break;
  }
  return { checked, count, damaged };
}
