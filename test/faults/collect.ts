import { getTableColumns } from 'drizzle-orm';
import type { Sql } from 'postgres';
import { type Database, openPool } from '../../src/database/client.ts';
import { customers } from '../../src/domains/customers/index.ts';
import { domains } from '../../src/domains/index.ts';
import { orders } from '../../src/domains/orders/index.ts';
import { products } from '../../src/domains/products/index.ts';
import { registerDomains } from '../../src/kernel/define/domain.ts';
import type { RecordedEvent } from '../../src/kernel/define/event.ts';
import type { Projection } from '../../src/kernel/define/read-model/projection.ts';
import { ENGINE_COLUMNS } from '../../src/kernel/define/read-model/read-table.ts';
import { LogReader } from '../../src/kernel/log/log-reader.ts';
import { foldRows } from '../../src/kernel/testing/fold.ts';
import { everyEvent } from '../support/kernel/log.ts';
import type { Columns, Evidence, LoggedEvent, StoredReceipt, Table } from './checker/evidence.ts';
import { nameOf } from './checker/log.ts';
import type { StreamName } from './history.ts';

/** The read models that clients are shown, and the streams whose ids are their rows' keys. */
const SHOWN: readonly (readonly [streamType: string, projection: Projection])[] = [
  ['Customer', customers],
  ['Product', products],
  ['Order', orders],
];

/** Reads from the database itself, without any server, the facts by which the histories are judged. */
export async function collectEvidence(
  url: string,
  sql: Sql,
  told: Pick<Evidence, 'crashes' | 'unmet'>,
): Promise<Evidence> {
  const pool = openPool({ url, connections: 1, applicationName: 'faults' });
  try {
    const recorded = await readLog(pool.db);
    const byStream = Map.groupBy(recorded, ({ streamType: type, streamId: id }) => nameOf({ type, id }));
    const projections = new Map(SHOWN);
    return {
      epoch: (await sql<{ epoch: string }[]>`select epoch from es.store`)[0]?.epoch ?? '',
      events: await loggedEvents(sql),
      receipts: await storedReceipts(sql),
      streams: (await sql<StreamRow[]>`select stream_type, stream_id, version from es.streams`).map((row) => ({
        stream: streamOf(row),
        version: row.version,
      })),
      tables: await Promise.all(SHOWN.map(([type, projection]) => tableOf(type, projection, { recorded, sql, pool }))),
      rowAt: rowsByVersion((stream) => byStream.get(nameOf(stream)) ?? [], projections),
      ...told,
    };
  } finally {
    await pool.close();
  }
}

interface StreamRow {
  readonly stream_type: string;
  readonly stream_id: string;
  readonly version: number;
}

const streamOf = ({ stream_type: type, stream_id: id }: StreamRow): StreamName => ({ type, id });

async function loggedEvents(sql: Sql): Promise<LoggedEvent[]> {
  const rows = await sql<
    (StreamRow & {
      position: string;
      type: string;
      command_id: string;
      closes: boolean;
      cause: string | null;
      at_ms: number;
      due_ms: number | null;
    })[]
  >`
    select e.position, e.stream_type, e.stream_id, e.version, e.type, e.command_id, e.command_fingerprint is not null as closes,
      case when e.metadata #>> '{actor,id}' = 'system' then coalesce(c.position,
        -- The clock sets it off; what it follows from is that the process has asked to be told.
        (select max(s.position) from es.events s where e.type = 'DeadlineReached' and s.type = 'DeadlineSet'
          and s.stream_type = e.stream_type and s.stream_id = e.stream_id and s.version < e.version)) end as cause,
      extract(epoch from e.recorded_at)::float8 * 1000 as at_ms,
      case when e.type in ('DeadlineSet', 'DeadlineReached')
        then extract(epoch from (e.data ->> 'at')::timestamptz)::float8 * 1000 end as due_ms
    from es.events e left join es.events c on c.event_id = (e.metadata ->> 'causationId')::uuid order by e.position`;
  return rows.map((row) => ({
    position: Number(row.position),
    stream: streamOf(row),
    version: row.version,
    type: row.type,
    commandId: row.command_id,
    closes: row.closes,
    recordedAtMs: row.at_ms,
    ...(row.due_ms === null ? {} : { dueMs: row.due_ms }),
    ...causeOf(row),
  }));
}

async function storedReceipts(sql: Sql): Promise<StoredReceipt[]> {
  const rows = await sql<(StreamRow & { position: string; command_id: string; cause: string | null })[]>`
    select r.command_id, r.stream_type, r.stream_id, r.version, r.position,
      case when r.metadata #>> '{actor,id}' = 'system' then coalesce(c.position,
        (select max(s.position) from es.events s where s.type = 'DeadlineSet' and s.stream_type = r.stream_type
          and s.stream_id = r.stream_id and s.version <= r.version)) end as cause
    from es.receipts r left join es.events c on c.event_id = (r.metadata ->> 'causationId')::uuid`;
  return rows.map((row) => ({
    commandId: row.command_id,
    stream: streamOf(row),
    version: row.version,
    position: Number(row.position),
    ...causeOf(row),
  }));
}

function causeOf({ cause }: { readonly cause: string | null }): { readonly cause?: number } {
  return cause === null ? {} : { cause: Number(cause) };
}

function readLog(db: Database): Promise<RecordedEvent[]> {
  return everyEvent(new LogReader(db, registerDomains(domains).events));
}

async function tableOf(
  streamType: string,
  projection: Projection,
  { recorded, sql, pool }: { recorded: readonly RecordedEvent[]; sql: Sql; pool: { readonly db: Database } },
): Promise<Table> {
  const {
    name,
    table,
    checkpoint: { key },
  } = projection;
  const engine: readonly string[] = ENGINE_COLUMNS;
  const columns = Object.fromEntries(
    Object.entries(getTableColumns(table)).filter(([column]) => !engine.includes(column)),
  );
  const byKey = (rows: readonly Columns[]) =>
    new Map(rows.map((row) => [projection.key.map(({ property }) => row[property]).join('/'), asJson(row)]));
  const [checkpoint] = await sql<{ position: string; failure: string | null }[]>`
    select position, failure from read.checkpoints where projection = ${key}`;
  const [dead] = await sql<{ there: boolean }[]>`select to_regclass('read.dead_letters') is not null as there`;
  const parked = dead?.there ? await sql`select 1 from read.dead_letters where projection = ${key}` : [];
  return {
    projection: name,
    streamType,
    live: byKey(await pool.db.select(columns).from(table)),
    folded: byKey(foldRows(projection, recorded)),
    checkpoint: checkpoint && { position: Number(checkpoint.position), failure: checkpoint.failure },
    parked: parked.length,
  };
}

/** Folds each stream again for each requested version, with the reference and not with the engine. */
function rowsByVersion(
  eventsOf: (stream: StreamName) => readonly RecordedEvent[],
  projections: ReadonlyMap<string, Projection>,
): Evidence['rowAt'] {
  const known = new Map<string, Columns | undefined>();
  return (stream, version) => {
    const name = `${nameOf(stream)}@${version}`;
    const projection = projections.get(stream.type);
    if (projection && !known.has(name)) {
      const [row] = foldRows(projection, eventsOf(stream).slice(0, version)) as Columns[];
      known.set(name, row && asJson(row));
    }
    return known.get(name);
  };
}

/** The row in the form in which it would be shown: instants are text, so that rows can be compared and written down. */
function asJson(row: Columns): Columns {
  return JSON.parse(JSON.stringify(row));
}
