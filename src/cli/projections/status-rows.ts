import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import type { Checkpoint } from '../../kernel/checkpoints/checkpoints.ts';
import { checkpointColumns } from '../../kernel/checkpoints/leases/lease-statements.ts';
import { clockOf, DatabaseClock } from '../../kernel/clock/database-clock.ts';
import type { Projection } from '../../kernel/define/read-model/projection.ts';
import type { Stall, StalledEvent } from '../../kernel/observe/stall.ts';
import { type ShadowRow, shadowRows } from '../../kernel/read/rebuild/shadow-checkpoint.ts';
import { type LagState, lagStateOf } from '../../kernel/read/status/lag.ts';
import { type ProjectionState, stateOf } from '../../kernel/read/status/projection-state.ts';
import { storedVersions } from '../../kernel/read/tables/catalogue.ts';
import { findStalls } from '../output/stalls.ts';

interface CheckpointRow extends Checkpoint, Record<string, unknown> {
  /** The name of a read model; for other consumers, the key. */
  readonly projection: string;
  readonly head: number;
  readonly lagMs: number | null;
  readonly next: StalledEvent | null;
}

/** A version of a read model, a kind of processes or an effect. */
export interface StatusRow {
  /** Of its checkpoint. */
  readonly key: string;
  /** The name of the read model; for other consumers, the key. */
  readonly projection: string;
  readonly version: number;
  /** UNUSED: no process uses this version, and this code does not have it. */
  readonly state: ProjectionState | 'UNUSED';
  readonly position: number;
  readonly head: number;
  readonly lag: number;
  readonly lagMs: number;
  readonly lagState: LagState;
  /** The instance that runs it; null if there is none. */
  readonly owner: string | null;
  /** The owner, or the last one, as host:pid. */
  readonly process: string | null;
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
  await clock.measure();
  const found = await readCheckpoints(db);
  const own = new Set(projections.map(({ checkpoint }) => checkpoint.key));
  const stalls = await findStalls(
    db,
    projections,
    found.filter(({ key }) => own.has(key)),
  );
  const versions = await storedVersions(db);
  const rebuilds = (await shadowRows(db)).filter(({ purpose }) => purpose === 'rebuild');
  const rows = found.map((row): StatusRow => {
    const { key, kind, projection, version, position, head, owner, ownerProcess, failure, isAhead, lagMs } = row;
    const stored = versions.find((each) => each.key === key);
    const rebuild = rebuilds.find((shadow) => shadow.projection === projection && shadow.version === version) ?? null;
    const isUnused = stored !== undefined && stored.users.length === 0 && !own.has(key);
    const isPartial = kind === 'projection' && position < row.wholeAt;
    return {
      ...{ key, projection, version, position, head, owner, process: ownerProcess, failure },
      state: isUnused ? 'UNUSED' : stateOf({ failure, isAhead, isRun: owner !== null, isPartial, rebuild }),
      lag: head - position,
      lagMs: Math.round(lagMs ?? 0),
      lagState: lagStateOf(lagMs ?? 0),
      rebuild,
      stall: (own.has(key) && stalls.get(projection)) || null,
      bytes: stored?.bytes ?? null,
      ageMs: stored ? Math.max(0, Math.round(clock.now() - stored.createdAt.getTime())) : null,
      users: stored?.users ?? [],
    };
  });
  return { rows, stalls };
}

function readCheckpoints(db: Database): Promise<CheckpointRow[]> {
  const projection = sql`case when kind = 'projection' then consumer else projection end`;
  return db.execute<CheckpointRow>(sql`
    select ${checkpointColumns}, ${projection} as projection, (select coalesce(max(position), 0) from es.events) as head,
           next, "lagMs"
    from read.checkpoints c
    left join lateral (
      select greatest(0, extract(epoch from now() - e.recorded_at))::float8 * 1000 as "lagMs", jsonb_build_object(
               'position', e.position, 'type', e.type, 'streamType', e.stream_type, 'streamId', e.stream_id) as next
      from es.events e where e.position = c.position + 1
    ) waiting on true
    where kind in ('projection', 'process', 'effect') order by ${projection}, c.version`);
}
