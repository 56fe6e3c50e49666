import type postgres from 'postgres';
import { receiptOf } from '../../support/kernel/appends.ts';
import { system } from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { parcelDomain, sendParcel } from '../../support/kernel/parcel-process.ts';
import { type TestDatabase, useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';

/** Executes a command. @returns its receipt. */
export const execute = async (
  { bus }: Pick<TestEngine, 'bus'>,
  ...args: Parameters<TestEngine['bus']['executeUnchecked']>
) => receiptOf(await bus.executeUnchecked(...args));

/** Servers on one database that deliver parcels, and what operators and the database's owner see and do there. */
export interface ParcelServers {
  readonly database: TestDatabase;
  /** Another server. */
  readonly openEngine: ReturnType<typeof useEngine>;
  /** The types of a stream's events, in order. */
  typesOf(streamType: string, streamId: string): Promise<string[]>;
  /** The items that processes have parked. */
  parked(): Promise<postgres.Row[]>;
  /** The position of a process, or of another consumer of the log. */
  checkpoint(name?: string): Promise<number>;
  /** The end of the log. */
  head(): Promise<number>;
  /** Changes what is in the log, which only the database's owner can do. */
  rewrite(change: () => Promise<unknown>): Promise<void>;
  /** Sends a parcel that is then paid and on its way, with its deadline set. @returns its id. */
  inProgress(engine: TestEngine, purseId: string): Promise<string>;
}

/** Gives each test of the file a database, and as many servers as it opens. */
export function useParcelServers(): ParcelServers {
  const database = useDatabase();
  const openEngine = useEngine(database, [parcelDomain]);
  const typesOf = async (streamType: string, streamId: string) =>
    (
      await database.sql`select type from es.events where stream_type = ${streamType} and stream_id = ${streamId} order by version`
    ).map(({ type }) => type as string);
  return {
    database,
    openEngine,
    typesOf,
    parked: async () => [
      ...(await database.sql`select consumer, line, position, deadline, status, code, attempts, passed_by, reason
                             from read.parked_items order by position, line`),
    ],
    checkpoint: async (name = 'process:Delivery') =>
      (await database.sql`select position from read.checkpoints where projection = ${name}`)[0]?.position as number,
    head: async () => (await database.sql`select max(position) as position from es.events`)[0]?.position as number,
    rewrite: async (change) => {
      await database.sql`alter table es.events disable trigger events_append_only, disable trigger events_rewritten`;
      await change();
      await database.sql`alter table es.events enable always trigger events_append_only, enable always trigger events_rewritten`;
    },
    inProgress: async (engine, purseId) => {
      const { aggregateId } = await execute(engine, sendParcel, { to: purseId, postage: 1 }, system);
      await until(async () => (await typesOf('Delivery', aggregateId)).includes('PostageSettled'));
      await until(
        async () => (await database.sql`select from read.deadlines_v1 where id = ${aggregateId}`).length === 1,
      );
      return aggregateId;
    },
  };
}
