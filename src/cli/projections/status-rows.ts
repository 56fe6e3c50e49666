import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { clockOf, DatabaseClock } from '../../kernel/clock/database-clock.ts';
import type { Projection } from '../../kernel/define/read-model/projection.ts';
import type { Stall, StalledEvent } from '../../kernel/observe/stall.ts';

import { type ShadowRow, shadowRows } from '../../kernel/read/rebuild/shadow-checkpoint.ts';
import { type LagState, lagStateOf } from '../../kernel/read/status/lag.ts';
import { type StoredVersion, storedVersions } from '../../kernel/read/tables/catalogue.ts';
import { findStalls } from '../output/stalls.ts';

interface CheckpointRow extends Record<string, unknown> {
  readonly key: string;
  readonly projection: string;
  readonly version: number;
  readonly position: number;
  readonly head: number;
  readonly owner: string | null;
  readonly process: string | null;
  readonly owned: boolean;
  readonly failure: string | null;
  readonly isAhead: boolean;
  readonly lagMs: number | null;
  readonly next: StalledEvent | null;
}

export type ReadModelState = 'RUNNING' | 'STALLED' | 'AHEAD_OF_CODE' | 'REBUILDING' | 'STOPPED' | 'UNUSED';

/** A version of a read model, a kind of processes or an effect. */
export interface StatusRow {
  /** Of its checkpoint. */
  readonly key: string;
  /** The name of the read model; for other consumers, the key. */
  readonly projection: string;
  readonly version: number;
  readonly state: ReadModelState;
  readonly position: number;
  readonly head: number;
  readonly lag: number;
  readonly lagMs: number;
  readonly lagState: LagState;
  readonly owner: string | null;
  /** The owner, or the last one, as host:pid. */
  readonly process: string | null;
  readonly owned: boolean;
  readonly failure: string | null;
  readonly rebuild: ShadowRow | null;
  readonly stall: Stall | null;
  /** The tables of a read model, in bytes. */
  readonly bytes: number | null;
  /** Since its table was made, in ms. */
  readonly ageMs: number | null;
  /** The processes that use it now, as host:pid. */
  readonly users: readonly string[];
}

/** The state of every consumer of the log, in all its versions, and whether appending is stalled. */
export async function readStatus(
  db: Database,
  projections: readonly Projection[],
): Promise<{ readonly rows: StatusRow[]; readonly stalls: ReadonlyMap<string, Stall> }> {
  const clock = new DatabaseClock({ ask: clockOf(db) });
  await clock.look();
  const found = await readCheckpoints(db);
  const own = new Set(projections.map(({ checkpoint }) => checkpoint.key));
  const stalls = await findStalls(
    db,
    projections,
    found.filter(({ key }) => own.has(key)),
  );
  const versions = await storedVersions(db);
  const rebuilds = (await shadowRows(db)).filter(({ purpose }) => purpose === 'rebuild');
  const rows = found.map(({ next: _, lagMs, ...row }): StatusRow => {
    const { projection: name, version, head, position } = row;
    const stored = versions.find(({ key }) => key === row.key);
    const rebuild = rebuilds.find((shadow) => shadow.projection === name && shadow.version === version) ?? null;
    return {
      ...row,
      state: stateOf(row, rebuild, stored, own),
      lag: head - position,
      lagMs: Math.round(lagMs ?? 0),
      lagState: lagStateOf(lagMs ?? 0),
      rebuild,
      stall: (own.has(row.key) && stalls.get(name)) || null,
      bytes: stored?.bytes ?? null,
      ageMs: stored ? Math.max(0, Math.round(clock.now() - stored.createdAt.getTime())) : null,
      users: stored?.users ?? [],
    };
  });
  return { rows, stalls };
}

function readCheckpoints(db: Database): Promise<CheckpointRow[]> {
  return db.execute<CheckpointRow>(
    sql`select projection as key, case when kind = 'projection' then consumer else projection end as projection, c.version,
               c.position, (select coalesce(max(position), 0) from es.events) as head, owner, owner_process as process,
               owner is not null and lease_until > now() as owned, failure, is_ahead as "isAhead",
               greatest(0, extract(epoch from now() - e.recorded_at))::float8 * 1000 as "lagMs",
               case when e.position is not null then jsonb_build_object(
                 'position', e.position, 'type', e.type, 'streamType', e.stream_type, 'streamId', e.stream_id) end as next
        from read.checkpoints c left join es.events e on e.position = c.position + 1
        where kind in ('projection', 'process', 'effect') order by 2, 3`,
  );
}

function stateOf(
  { key, owned, failure, isAhead }: Pick<CheckpointRow, 'key' | 'owned' | 'failure' | 'isAhead'>,
  rebuild: ShadowRow | null,
  stored: StoredVersion | undefined,
  own: ReadonlySet<string>,
): ReadModelState {
  if (stored && stored.users.length === 0 && !own.has(key)) return 'UNUSED';
  if (failure !== null) return isAhead ? 'AHEAD_OF_CODE' : 'STALLED';
  if (rebuild !== null) return 'REBUILDING';
  return owned ? 'RUNNING' : 'STOPPED';
}
