import { type SQL, sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { storable } from '../../../text/storable.ts';
import type { Key, Projection } from '../../define/read-model/projection.ts';
import { ProjectionTable } from '../fold/projection-table.ts';
import { keyText } from '../fold/working-rows.ts';
import type { BatchParking } from './batch-parking.ts';
import type { ParkedEvent, ParkedStreams } from './parked-streams.ts';

/** The columns of a row of `read.dead_letters` that are needed to apply it. */
export interface StoredParkedEvent extends Record<string, unknown> {
  readonly position: number;
  readonly partial: boolean;
  readonly rows: readonly Key[];
  readonly rowsKnown: boolean;
}

/** Maximum length of a reason, in characters. */
const MAX_ERROR = 2000;

/**
 * Loads what is parked of a projection, and which events after a position were discarded.
 * @param discardedOf key of the checkpoint whose discarded events count; default: the projection's own.
 */
export async function loadParked(
  db: Database,
  { checkpoint, version }: Pick<Projection, 'checkpoint' | 'version'>,
  position: number,
  discardedOf: string = checkpoint.key,
): Promise<ParkedStreams> {
  const parked = sql`read.dead_letters where projection = ${checkpoint.key} and status = 'PARKED'`;
  const keys = await db.execute<{ key: string; since: number }>(
    sql`select key, min(position) as since from ${parked} group by key`,
  );
  const discarded = await db.execute<{ position: number; rows: Key[]; rowsKnown: boolean }>(
    sql`select position, rows, rows_known as "rowsKnown" from read.dead_letters
        where projection = ${discardedOf} and status = 'DISCARDED' and version = ${version} and position > ${position}`,
  );
  const since = new Map(keys.map((row) => [row.key, row.since]));
  const discardedAt = new Map<number, 'all' | Set<string>>();
  for (const { position: at, rows, rowsKnown } of discarded) noteDiscarded(discardedAt, at, rowsKnown ? rows : 'all');
  if (since.size === 0) return { streams: new Map(), rows: new Map(), since, discarded: discardedAt };
  const streams = await db.execute<{ key: string; stream: string }>(
    sql`select distinct key, stream_type || '/' || stream_id as stream from ${parked} and not partial`,
  );
  const rows = await db.execute<{ key: string; row: Key }>(
    sql`select distinct key, parked.row from read.dead_letters, jsonb_array_elements(rows) as parked(row)
        where projection = ${checkpoint.key} and status = 'PARKED'`,
  );
  return {
    streams: new Map(streams.map(({ stream, key }) => [stream, key])),
    rows: new Map(rows.map(({ row, key }) => [keyText(row), key])),
    since,
    discarded: discardedAt,
  };
}

function noteDiscarded(
  discarded: Map<number, 'all' | Set<string>>,
  position: number,
  rows: readonly Key[] | 'all',
): void {
  const present = discarded.get(position);
  if (present === 'all') return;
  if (rows === 'all') discarded.set(position, 'all');
  else discarded.set(position, new Set([...(present ?? []), ...rows.map(keyText)]));
}

/** Stores what a batch parks. Call it in the transaction that writes the batch, after its rows. */
export async function writeParkedEvents(db: Database, projection: Projection, parking: BatchParking): Promise<void> {
  const { checkpoint, version } = projection;
  for (const { from, into } of parking.merged) await mergeKeys(db, checkpoint.key, from, into);
  await new ProjectionTable(db, projection).markStale(parking.stale);
  await insertParked(db, checkpoint.key, version, parking.parkedEvents);
}

async function insertParked(
  db: Database,
  checkpoint: string,
  version: number,
  parkedEvents: readonly ParkedEvent[],
): Promise<void> {
  const rows = parkedEvents.map(({ event, key, partial, rows, rowsKnown, error }) => ({
    key,
    position: event.position,
    stream_type: event.streamType,
    stream_id: event.streamId,
    event_type: event.type,
    partial,
    rows: [...rows.values()],
    rows_known: rowsKnown,
    error: error === null ? null : storable(error, MAX_ERROR),
  }));
  await db.execute(sql`
    insert into read.dead_letters (projection, version, key, position, stream_type, stream_id, event_type, partial, rows, rows_known, error)
    select ${checkpoint}, ${version}::int, l.* from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as
      l(key text, position bigint, stream_type text, stream_id uuid, event_type text, partial boolean, rows jsonb, rows_known boolean, error text)
    on conflict on constraint dead_letters_projection_key_position_status_pk do update
      set version = excluded.version, partial = excluded.partial, rows = excluded.rows, rows_known = excluded.rows_known, error = excluded.error`);
}

/**
 * Moves everything that is parked under one key to another.
 * @param checkpoint key of the projection's checkpoint.
 */
export async function mergeKeys(db: Database, checkpoint: string, from: string, into: string): Promise<void> {
  await db.execute(sql`
    with moved as (
      delete from read.dead_letters where projection = ${checkpoint} and key = ${from} and status = 'PARKED' returning *
    )
    insert into read.dead_letters as present
      (projection, key, position, stream_type, stream_id, event_type, version, partial, rows, rows_known, error, parked_at)
    select projection, ${into}, position, stream_type, stream_id, event_type, version, partial, rows, rows_known, error, parked_at from moved
    on conflict on constraint dead_letters_projection_key_position_status_pk do update
      set partial = present.partial and excluded.partial, rows = present.rows || excluded.rows,
          rows_known = present.rows_known and excluded.rows_known, error = coalesce(present.error, excluded.error)`);
}

/** The first events that are parked under a key, in order. */
export function firstParked(
  db: Database,
  checkpoint: string,
  key: string,
  limit: number,
): Promise<StoredParkedEvent[]> {
  return db.execute<StoredParkedEvent>(
    sql`select position, partial, rows, rows_known as "rowsKnown" from read.dead_letters
        where ${parkedUnder(checkpoint, key)} order by position limit ${limit}`,
  );
}

/**
 * Removes a key's events up to a position, which have been applied. The key's rows are passed on to its next event.
 * @returns the position of the next event; null if there is none.
 */
export async function removeParked(
  db: Database,
  checkpoint: string,
  key: string,
  upTo: number,
  rows: Iterable<Key>,
): Promise<number | null> {
  await db.execute(sql`delete from read.dead_letters where ${parkedUnder(checkpoint, key)} and position <= ${upTo}`);
  return carryOn(db, checkpoint, key, rows);
}

/** Discards the first event of a key permanently; the key's rows are passed on to the next one. */
export async function discardParked(
  db: Database,
  checkpoint: string,
  key: string,
  { position, rows }: StoredParkedEvent,
  { by, reason }: { readonly by: string; readonly reason: string | null },
): Promise<number | null> {
  // An earlier version of the read model may have discarded it too.
  await db.execute(
    sql`delete from read.dead_letters
        where projection = ${checkpoint} and key = ${key} and status = 'DISCARDED' and position = ${position}`,
  );
  await db.execute(
    sql`update read.dead_letters
        set status = 'DISCARDED', discarded_at = now(), discarded_by = ${storable(by, MAX_ERROR)}, reason = ${reason && storable(reason, MAX_ERROR)}
        where ${parkedUnder(checkpoint, key)} and position = ${position}`,
  );
  return carryOn(db, checkpoint, key, rows);
}

async function carryOn(db: Database, checkpoint: string, key: string, rows: Iterable<Key>): Promise<number | null> {
  const carried = JSON.stringify([...rows]);
  const [next] = await db.execute<{ position: number }>(
    sql`update read.dead_letters set rows = ${carried}::jsonb || rows
        where ${parkedUnder(checkpoint, key)}
          and position = (select min(position) from read.dead_letters where ${parkedUnder(checkpoint, key)})
        returning position`,
  );
  return next?.position ?? null;
}

/** Records why an event could not be applied this time. */
export async function setError(
  db: Database,
  checkpoint: string,
  key: string,
  position: number,
  error: string,
): Promise<void> {
  await db.execute(
    sql`update read.dead_letters set error = ${storable(error, MAX_ERROR)}
        where ${parkedUnder(checkpoint, key)} and position = ${position}`,
  );
}

/** Moves everything that is parked from one checkpoint to another, and replaces what was parked there. */
export async function adoptParkedEvents(tx: Database, from: string, to: string): Promise<void> {
  await tx.execute(sql`delete from read.dead_letters where projection = ${to} and status = 'PARKED'`);
  await tx.execute(
    sql`update read.dead_letters set projection = ${to} where projection = ${from} and status = 'PARKED'`,
  );
  await dropParkedEvents(tx, from);
}

/** Deletes the records of parked and discarded events, because the table is filled again or dropped. */
export async function dropParkedEvents(tx: Database, checkpoint: string): Promise<void> {
  await tx.execute(sql`delete from read.dead_letters where projection = ${checkpoint}`);
}

function parkedUnder(checkpoint: string, key: string): SQL {
  return sql`projection = ${checkpoint} and key = ${key} and status = 'PARKED'`;
}
