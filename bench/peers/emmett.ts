import { randomUUID } from 'node:crypto';
import { CommandHandler, type Event, isExpectedVersionConflictError } from '@event-driven-io/emmett';
import {
  getPostgreSQLEventStore,
  type PostgresEventStore,
  type PostgresReadEventMetadata,
  pongoSingleStreamProjection,
  rebuildPostgreSQLProjections,
} from '@event-driven-io/emmett-postgresql';
import pg from 'pg';
import type { Sql } from 'postgres';

export type MeterEvent = Event<'MeterInstalled', { label: string }> | Event<'MeterRead', { value: number }>;
/** A type, not an interface: a document of Pongo has an index signature. */
type MeterDocument = { readonly label: string; readonly readings: number; readonly total: number };

/** Emmett's event store with its own driver, pool and schema, as its documentation sets it up. */
export async function openEmmett(url: string): Promise<PostgresEventStore> {
  const store = getPostgreSQLEventStore(url);
  await store.schema.migrate();
  return store;
}

/** The same with a pool of this many connections; its own default is 10. */
export async function openEmmettOnPool(url: string, connections: number): Promise<PostgresEventStore> {
  const pool = new pg.Pool({ connectionString: url, max: connections });
  const store = getPostgreSQLEventStore(url, { connectionOptions: { pooled: true, pool } });
  await store.schema.migrate();
  const close = store.close.bind(store);
  return Object.assign(store, { close: () => close().finally(() => pool.end()) });
}

/** One small event to a new stream. */
export function appendToNewStream(store: PostgresEventStore): Promise<unknown> {
  const events: MeterEvent[] = [{ type: 'MeterInstalled', data: { label: 'In the cellar' } }];
  return store.appendToStream<MeterEvent>(`meter-${randomUUID()}`, events, {
    expectedStreamVersion: 'STREAM_DOES_NOT_EXIST',
  });
}

/** One small event to a stream, whatever version it has. */
export function appendToHotStream(store: PostgresEventStore, streamId: string): Promise<void> {
  return untilFirst(() => store.appendToStream<MeterEvent>(streamId, [{ type: 'MeterRead', data: { value: 7 } }]));
}

interface Meter {
  readonly installed: boolean;
  readonly readings: number;
}

const handle = CommandHandler<Meter, MeterEvent>({
  initialState: () => ({ installed: false, readings: 0 }),
  evolve: (meter, { type }) =>
    type === 'MeterInstalled' ? { ...meter, installed: true } : { ...meter, readings: meter.readings + 1 },
});

/** A whole command on a new stream. */
export function handleOnNewStream(store: PostgresEventStore): Promise<unknown> {
  return handle(store, `meter-${randomUUID()}`, ({ installed }) => {
    if (installed) throw new Error('It is installed already.');
    return [{ type: 'MeterInstalled', data: { label: 'In the cellar' } }];
  });
}

/** Whole commands on one stream, each tried again as often as others come first. */
export async function handleOnHotStream(store: PostgresEventStore): Promise<() => Promise<void>> {
  const id = `meter-${randomUUID()}`;
  await handle(store, id, () => [{ type: 'MeterInstalled', data: { label: 'In the cellar' } }]);
  return () =>
    untilFirst(() =>
      handle(store, id, ({ installed }) => {
        if (!installed) throw new Error('There is no meter.');
        return [{ type: 'MeterRead', data: { value: 7 } }];
      }),
    );
}

/** Tries again as often as others come first, which Emmett leaves to its caller. */
async function untilFirst(attempt: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (!isExpectedVersionConflictError(error)) throw error;
    }
  }
}

const documents = pongoSingleStreamProjection<MeterDocument, MeterEvent, PostgresReadEventMetadata, MeterEvent>({
  collectionName: 'meters',
  canHandle: ['MeterInstalled', 'MeterRead'],
  initialState: () => ({ label: '', readings: 0, total: 0 }),
  evolve: (meter: MeterDocument, { type, data }: MeterEvent) =>
    type === 'MeterInstalled'
      ? { ...meter, label: data.label }
      : { ...meter, readings: meter.readings + 1, total: meter.total + data.value },
});

/** The content of the documents, and a way to start a rebuild from the beginning. */
export async function emptyDocuments(sql: Sql): Promise<void> {
  // Otherwise a second rebuild of a projection empties it and then continues from where the first one ended.
  await sql`delete from emt_processors`;
  await sql`drop table if exists meters`;
}
export async function countReadings(sql: Sql): Promise<number> {
  const [row] = await sql<{ readings: number }[]>`select sum((data ->> 'readings')::int)::int as readings from meters`;
  return row?.readings ?? 0;
}

/** Fills one document a stream from the whole log. */
export async function rebuild(url: string, batchSize: number): Promise<void> {
  const consumer = rebuildPostgreSQLProjections<MeterEvent>({
    connectionString: url,
    projections: [documents],
    pulling: { batchSize },
  });
  try {
    await consumer.start();
  } finally {
    await consumer.close();
  }
}
