import { randomInt, randomUUID } from 'node:crypto';
import { gte, type SQL } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import postgres from 'postgres';
import { openPool } from '../../../src/database/client.ts';
import type { PageRequest } from '../../../src/graphql/read/pages/cut.ts';
import { MAX_PAGE } from '../../../src/graphql/read/pages/page-shape.ts';
import { ReadModels } from '../../../src/graphql/read/read-models.ts';
import { Rows } from '../../../src/graphql/read/rows.ts';
import { SYSTEM } from '../../../src/kernel/define/access/actor.ts';
import type { Projection } from '../../../src/kernel/define/read-model/projection.ts';
import type { Append } from '../../../src/kernel/log/append/append.ts';
import type { EventLog } from '../../../src/kernel/log/event-log.ts';
import { newId } from '../../../src/kernel/log/new-id.ts';
import { meterById, metersAfter, metersReadModel, metersWithApi } from '../workloads/meters-api.ts';
import { openApi } from './api.ts';
import { openEngine, prepareDatabase } from './engine.ts';
import { openEventStore } from './event-store.ts';
import type { BenchPostgres } from './postgres.ts';
import { EVENTS_PER_STREAM } from './replayed-log.ts';

/** A log that can be made longer, with a read model of one row a stream, and what is measured on it. */
export interface GrownStore {
  /** Writes events until the log has so many, fills the read model, and leaves the tables as they are after a while. */
  grow(events: number): Promise<void>;
  /** Appends one small event to a new stream. */
  appendToNew(): Promise<void>;
  /** Asks the API for a row, any of all. */
  queryById(): Promise<void>;
  /** Asks the API for a page from anywhere in the order of ids, which is that of time: its rows lie together. */
  queryPage(): Promise<void>;
  /** Reads a row as a query does, without GraphQL and HTTP. */
  readById(): Promise<void>;
  /** The same for a page in the order of ids. */
  readPage(): Promise<void>;
  /** The same for a page in the order of a value, which has nothing to do with time: its rows lie anywhere. */
  readPageByValue(): Promise<void>;
  close(): Promise<void>;
}

interface Page {
  readonly meters: { readonly edges: readonly unknown[] };
}

/** One of so many streams is among those whose rows are read by id. */
const SAMPLED = 10;
/** Places from which pages are read, several one after the other: far more rows than Postgres' own memory holds. */
const PLACES = 5000;
const PAGE = 20;
/** Number of meters that are looked up at the same time. */
const PLACES_AT_ONCE = 50;
const STREAMS_AT_ONCE = 1000;
/** While Postgres appends one batch the next is made; more writers would wait for the log's lock. */
const WRITERS = 2;
const HIGHEST_READING = 1_000_000;

const meters = metersReadModel as unknown as Projection;
const { id, total } = metersReadModel.table;

/** @param connections to the API. */
export async function openGrownStore(server: BenchPostgres, name: string, connections: number): Promise<GrownStore> {
  const url = await prepareDatabase(server, name);
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  await sql.unsafe('create index meters_total on read.meters_v1 (total, id)');
  const store = openEventStore(url);
  // Only queries: what is appended while it is measured would keep it busy afterwards, while others have their turn.
  const api = await openApi(url, { domains: [metersWithApi.name], connections, settings: { PROJECTOR: 'off' } });
  // As many connections as the server has for queries.
  const reader = openPool({ url, connections: 10, applicationName: 'bench' });
  const readModels = new ReadModels(reader.db);
  const rows = () => new Rows(readModels, SYSTEM);
  let ids: readonly string[] = [];
  let pagesById: readonly string[] = [];
  let pagesByTotal: readonly string[] = [];
  const readPage = async (sortBy: PgColumn, cursors: readonly string[]) => {
    const { edges } = await rows().page(meters, order(sortBy, { first: PAGE, after: anyOf(cursors) }));
    if (edges.length !== PAGE) throw new Error(`A page has ${edges.length} rows.`);
  };
  /** Cursors that whole pages come after. */
  const cursors = async (sortBy: PgColumn, from: () => SQL) => {
    const found = new Set<string>();
    const places = Math.min(PLACES, ids.length);
    for (let looked = 0; looked < places; looked += PLACES_AT_ONCE) {
      const pages = Array.from({ length: PLACES_AT_ONCE }, () =>
        rows().page(meters, { ...order(sortBy, { first: MAX_PAGE }), where: [from()] }),
      );
      for (const { edges } of await Promise.all(pages)) {
        for (let nth = 0; nth + PAGE < edges.length; nth += PAGE) found.add(edges[nth]?.cursor ?? '');
      }
    }
    return [...found];
  };
  return {
    grow: async (events) => {
      const engine = await openEngine(url, [metersWithApi]);
      try {
        const { position } = await engine.log.head();
        ids = ids.concat(await writeMeters(engine.log, Math.floor((events - position) / EVENTS_PER_STREAM)));
        await engine.start();
        const { position: head } = await engine.log.head();
        await engine.readSide.positions.reached(meters.name, head);
      } finally {
        await engine.close();
      }
      await settle(sql);
      pagesById = await cursors(id, () => gte(id, anyOf(ids)));
      pagesByTotal = await cursors(total, () => gte(total, anyTotal()));
    },
    appendToNew: store.appendToNew,
    queryById: async () => {
      const { meter } = await api.request<{ meter: unknown }>(meterById, { id: anyOf(ids) });
      if (!meter) throw new Error('A row is missing.');
    },
    queryPage: async () => {
      const { meters } = await api.request<Page>(metersAfter, { after: anyOf(pagesById) });
      if (meters.edges.length !== PAGE) throw new Error(`A page has ${meters.edges.length} rows.`);
    },
    readById: async () => {
      if (!(await rows().byKey(meters, anyOf(ids)))) throw new Error('A row is missing.');
    },
    readPage: () => readPage(id, pagesById),
    readPageByValue: () => readPage(total, pagesByTotal),
    close: async () => {
      await Promise.all([store.close(), api.close(), reader.close(1000), sql.end()]);
    },
  };
}

function order(sortBy: PgColumn, args: PageRequest['args']): PageRequest {
  return { args, sortBy, direction: 'asc' };
}

/** Appends meters that are installed and then read. Resolves to the ids of some, from all of the log alike. */
async function writeMeters(log: EventLog, streams: number): Promise<string[]> {
  const sampled: string[] = [];
  let left = streams;
  const writer = async () => {
    while (left > 0) {
      const size = Math.min(STREAMS_AT_ONCE, left);
      left -= size;
      const appends = Array.from({ length: size }, aMeter);
      const outcomes = await log.append(appends);
      if (outcomes.some(({ outcome }) => outcome !== 'accepted')) throw new Error('An append was not accepted.');
      for (let nth = 0; nth < size; nth += SAMPLED) sampled.push((appends[nth] as Append).streamId);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
  return sampled;
}

function aMeter(): Append {
  const commandId = newId();
  const read = () => ({ type: 'MeterRead', schemaVersion: 1, data: { value: randomInt(HIGHEST_READING) } });
  return {
    ...{ streamType: 'Meter', streamId: newId(), expectedVersion: 0, commandId, fingerprint: randomUUID() },
    metadata: { actor: SYSTEM, correlationId: commandId },
    events: [
      { type: 'MeterInstalled', schemaVersion: 1, data: { label: 'In the cellar' } },
      ...Array.from({ length: EVENTS_PER_STREAM - 1 }, read),
    ],
  };
}

/**
 * Does now what Postgres does in the background sooner or later, so that it does not happen during the measurement. In
 * a log that grew over years, most of it was done long before.
 */
async function settle(sql: postgres.Sql): Promise<void> {
  for (const table of ['es.events', 'es.streams', 'read.meters_v1']) {
    await sql.unsafe(`alter table ${table} set (autovacuum_enabled = off)`);
    await sql.unsafe(`vacuum (analyze) ${table}`);
  }
  await sql.unsafe('checkpoint');
}

function anyOf<T>(values: readonly T[]): T {
  return values[randomInt(values.length)] as T;
}

/** A sum of readings from the middle half of what a meter can have, so that there are meters above and below. */
function anyTotal(): number {
  const highest = HIGHEST_READING * (EVENTS_PER_STREAM - 1);
  return highest / 4 + randomInt(highest / 2);
}
