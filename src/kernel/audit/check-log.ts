import { type SQL, sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';

/** Something in the log that is impossible if only the application has written to it. */
export interface Damage {
  /** The first wrong position. */
  readonly position: number;
  /** The problem, as one sentence. */
  readonly reason: string;
}

export interface CheckLogOptions {
  readonly signal: AbortSignal;
  /** Called with the number of rows checked so far, and the total. */
  readonly onProgress?: (done: number) => void;
  /** Number of streams or positions that one statement checks. */
  readonly page?: number;
}

const PAGE = 20_000;

/**
 * Checks that the log is complete. Positions run from 1 to the head without holes, and so do the versions of each
 * stream; both agree with `es.streams`. Command ids agree with `es.receipts`. No checkpoint, receipt or snapshot is
 * beyond the end. The check can run while events are appended: each statement sees one moment of the log, in which all
 * of this must hold. It takes no lock, and its memory and its statements do not grow with the log, because each
 * statement checks {@link CheckLogOptions.page} streams or positions.
 */
export async function* checkLog(db: Database, head: number, options: CheckLogOptions): AsyncGenerator<Damage> {
  const { signal, onProgress = () => {}, page = PAGE } = options;
  for (let after = 0; after < head; after += page) {
    signal.throwIfAborted();
    yield* await rowsOf(db, holesBetween(after, Math.min(head, after + page)));
    yield* await rowsOf(db, eventsWithoutStream(after, Math.min(head, after + page)));
    onProgress(Math.min(head, after + page));
  }
  for (let after: StreamKey | undefined = FIRST; after; ) {
    signal.throwIfAborted();
    yield* await rowsOf(db, streamsThatDiffer(after, page));
    after = await lastOfPage(db, after, page);
  }
  for (const statement of [beyondTheHead, receiptsThatDiffer]) yield* await rowsOf(db, statement);
}

async function rowsOf(db: Database, statement: SQL): Promise<Damage[]> {
  const rows = await db.execute<{ position: number; reason: string }>(statement);
  return rows.map(({ position, reason }) => ({ position: Number(position), reason }));
}

/** Positions are the primary key: if their number is right, none is missing. */
const holesBetween = (after: number, until: number): SQL => sql`
  with range as (select position from es.events where position > ${after} and position <= ${until}),
  ends as (
    select position, lag(position, 1, ${after}::bigint) over (order by position) as before
    from (select position from range union all select ${until + 1}::bigint) e
  )
  select before + 1 as position,
         case when position - before = 2 then 'the event at this position is missing'
              else format('the events at positions %s to %s are missing', before + 1, position - 1) end as reason
  from ends where position - before > 1 and (select count(*) from range) < ${until - after}::bigint
  order by 1`;

const eventsWithoutStream = (after: number, until: number): SQL => sql`
  select min(e.position) as position, format('%s/%s has events and no row in es.streams', e.stream_type, e.stream_id) as reason
  from es.events e
  left join es.streams s on s.stream_type = e.stream_type and s.stream_id = e.stream_id
  where e.position > ${after} and e.position <= ${until} and s.stream_id is null
  group by e.stream_type, e.stream_id order by 1`;

interface StreamKey extends Record<string, unknown> {
  readonly type: string;
  readonly id: string;
}

const FIRST: StreamKey = { type: '', id: '00000000-0000-0000-0000-000000000000' };

const pageAfter = ({ type, id }: StreamKey, page: number): SQL => sql`
  select stream_type, stream_id, version from es.streams
  where (stream_type, stream_id) > (${type}::text, ${id}::uuid) order by stream_type, stream_id limit ${page}::int`;

/**
 * The version of an event is unique in its stream: if the number and the last version are right, none is missing. Versions that are
 * missing at the end of a stream were after the end of the log, unless there is a hole.
 */
const streamsThatDiffer = (after: StreamKey, page: number): SQL => sql`
  select coalesce(
           (select min(e.position) from es.events e
            where e.stream_type = s.stream_type and e.stream_id = s.stream_id and e.version >= hole.version),
           (select max(e.position) + 1 from es.events e),
           1) as position,
         format('%s/%s has %s events, the last of version %s, and should have %s: version %s %s', s.stream_type, s.stream_id,
                have.count, coalesce(have.last, 0), s.version, hole.version,
                case when hole.version > s.version then 'is more than es.streams knows' else 'is missing' end) as reason
  from (${pageAfter(after, page)}) s
  cross join lateral (
    select count(*) as count, min(e.version) as first, max(e.version) as last from es.events e
    where e.stream_type = s.stream_type and e.stream_id = s.stream_id
  ) have
  cross join lateral (
    select coalesce(
      (select n.expected from (
         select e.version, row_number() over (order by e.version) as expected from es.events e
         where e.stream_type = s.stream_type and e.stream_id = s.stream_id
       ) n where n.version <> n.expected order by n.version limit 1),
      least(coalesce(have.last, 0), s.version) + 1) as version
  ) hole
  where have.count <> s.version or have.last is distinct from s.version or have.first is distinct from 1
  order by 1`;

async function lastOfPage(db: Database, after: StreamKey, page: number): Promise<StreamKey | undefined> {
  const [last] = await db.execute<StreamKey>(
    sql`select stream_type as type, stream_id as id from (${pageAfter(after, page)}) s order by 1 desc, 2 desc limit 1`,
  );
  return last;
}

/** If a consumer is beyond the head, the log has lost its end. */
const beyondTheHead = sql`
  with head as (select coalesce(max(position), 0) as position from es.events)
  select head.position + 1 as position, format('%s, and the log ends at %s', what, head.position) as reason
  from head, (
    select position, format('the checkpoint of %s is at %s', projection, position) as what from read.checkpoints
    union all
    select position, format('the receipt of command %s is of position %s', command_id, position) from es.receipts
  ) knows
  where knows.position > head.position
  union all
  select head.position + 1, format('a snapshot of %s/%s is of version %s, and the stream is at %s',
                                   n.stream_type, n.stream_id, n.version, coalesce(s.version, 0))
  from head, es.snapshots n left join es.streams s on s.stream_type = n.stream_type and s.stream_id = n.stream_id
  where n.version > coalesce(s.version, 0)
  order by 1`;

const receiptsThatDiffer = sql`
  select e.position, format('command %s has this event and a receipt in es.receipts', e.command_id) as reason
  from es.receipts r join es.events e on e.command_id = r.command_id and e.command_fingerprint is not null
  union all
  select r.position + 1, format('the receipt of command %s is of version %s of %s/%s, which is at %s', r.command_id, r.version,
                                r.stream_type, r.stream_id, coalesce(s.version, 0))
  from es.receipts r left join es.streams s on s.stream_type = r.stream_type and s.stream_id = r.stream_id
  where r.version > coalesce(s.version, 0)
  order by 1`;
