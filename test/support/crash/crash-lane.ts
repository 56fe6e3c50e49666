import { getTableName } from 'drizzle-orm';
import type postgres from 'postgres';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import type { AfterwriteDatabase } from '../../../src/database/database.ts';
import type { Domain } from '../../../src/kernel/define/domain.ts';
import { handlerOf } from '../../../src/kernel/define/read-model/projection.ts';
import { createEngine, type Engine } from '../../../src/kernel/engine.ts';
import type { EngineOptions } from '../../../src/kernel/engine-options.ts';
import type { EventLog } from '../../../src/kernel/log/event-log.ts';
import { tablesOf } from '../../../src/kernel/read/tables/tables.ts';
import { openAsTenant, projectingAsTenant } from '../kernel/as-tenant.ts';
import { expectedHistory, expectedRows, historyOf, rowsOf } from '../kernel/rows.ts';
import { cloneDatabase } from '../postgres/database.ts';
import { until } from '../until.ts';
import { type CrashProxy, startCrashProxy } from './crash-proxy.ts';

/** A database with a way to it that breaks and one that does not. */
export interface Lane {
  readonly sql: postgres.Sql;
  readonly proxy: CrashProxy;
  readonly log: EventLog;
  /** Pools of each way. They outlast the engines. */
  readonly breaking: AfterwriteDatabase;
  readonly direct: AfterwriteDatabase;
  /** A server of its own. Whoever starts it stops it. */
  engine(way: AfterwriteDatabase, options?: Partial<EngineOptions>): Engine;
  /** Done when the test has ended. */
  onEnd(end: () => Promise<unknown>): void;
  end(): Promise<void>;
  /** Resets the read models, as if no projection had ever run. */
  forget(): Promise<void>;
}

/** Gives a file's tests as many databases for crashes of what a domain's projections do. */
export function useLanes(count: number, domain: Domain): readonly Lane[] {
  const lanes: (Lane & { close(): Promise<void> })[] = [];
  projectingAsTenant([domain]);
  beforeAll(async () => {
    for (let n = 0; n < count; n++) lanes.push(await openLane(domain));
  });
  afterEach(() => Promise.all(lanes.map((lane) => lane.end())));
  afterAll(() => Promise.all(lanes.map((lane) => lane.close())));
  return lanes;
}

async function openLane(domain: Domain): Promise<Lane & { close(): Promise<void> }> {
  const tables = domain.projections.flatMap(tablesOf);
  const database = await cloneDatabase(tables);
  const proxy = await startCrashProxy(database);
  const open = (url: string) => openAsTenant({ url, connections: { writer: 1, projector: 3, reader: 1 } });
  const [breaking, direct] = [await open(proxy.url), await open(database.url)];
  const ends: (() => Promise<unknown>)[] = [];
  const engine: Lane['engine'] = (way, options = {}) => createEngine({ domains: [domain], ...options, database: way });
  const { log } = engine(direct);
  return {
    ...{ sql: database.sql, proxy, log, breaking, direct, engine },
    onEnd: (end) => void ends.push(end),
    end: async () => {
      await Promise.all(ends.splice(0).map((end) => end()));
    },
    close: async () => {
      await Promise.all([breaking.close(1000), direct.close(1000)]);
      await proxy.close();
      await database.drop();
    },
    forget: async () => {
      const { sql } = database;
      await sql`delete from read.checkpoints`;
      await sql`delete from read.instances`;
      await sql`delete from read.dead_letters`;
      for (const table of tables) await sql`truncate ${sql(`read.${getTableName(table)}`)}`;
    },
  };
}

/** The read models are those of a fold from scratch to the end of the log, and nothing else is left behind. */
export async function expectWhole({ sql, log, direct }: Lane, { projections }: Domain): Promise<void> {
  const events = await log.read(0, 100_000);
  for (const projection of projections) {
    expect(await rowsOf(direct.projector.db, projection)).toEqual(expectedRows(projection, events));
    if (projection.history) {
      expect(await historyOf(direct.projector.db, projection)).toEqual(expectedHistory(projection, events));
    }
  }
  const checkpoints =
    await sql`select projection, position, version, failure from read.checkpoints order by projection`;
  expect(checkpoints.map(({ position: _, ...row }) => row)).toEqual(
    projections
      .map(({ checkpoint: { key, version } }) => ({ projection: key, version, failure: null }))
      .sort((a, b) => (a.projection < b.projection ? -1 : 1)),
  );
  for (const projection of projections) {
    const { position } = checkpoints.find((row) => row.projection === projection.checkpoint.key) ?? {};
    // A checkpoint follows events that concern no row a moment later, or not at all if its process ends before.
    const missing = events.filter((event) => event.position > position && handlerOf(projection, event.type));
    expect(missing).toEqual([]);
  }
  const tables = await sql`select tablename from pg_tables where schemaname = 'read' and tablename like '%\\_\\_%'`;
  expect([...tables]).toEqual([]);
  expect([...(await sql`select * from read.dead_letters`)]).toEqual([]);
  for (const { table } of projections) {
    const stale = await sql`select * from ${sql(`read.${getTableName(table)}`)} where stale_since is not null`;
    expect([...stale]).toEqual([]);
  }
}

/** Resolves when an engine's projections are at the end of the log, or something broke of which it cannot recover. */
export async function untilDone(lane: Lane, engine: Engine, isGone: () => boolean): Promise<void> {
  const { position } = await lane.log.head();
  const { positions } = engine.projector;
  await until(() => isGone() || positions.names.every((name) => positions.of(name) >= position));
}
