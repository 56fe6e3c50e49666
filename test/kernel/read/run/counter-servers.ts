import type postgres from 'postgres';
import { expect } from 'vitest';
import { receiptOf } from '../../../support/kernel/appends.ts';
import {
  counterDomain,
  counters,
  countersTable,
  incrementCounter,
  openCounter,
  system,
} from '../../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../../support/kernel/engine.ts';
import { expectedRows, rowsOf } from '../../../support/kernel/rows.ts';
import { type TestDatabase, useDatabase } from '../../../support/postgres/database.ts';
import { until } from '../../../support/until.ts';

/** Opens a counter. @returns its id. */
export const open = async ({ bus }: Pick<TestEngine, 'bus'>): Promise<string> =>
  receiptOf(await bus.execute(openCounter, { label: 'a' }, system)).aggregateId;

/** @returns the position of the increment. */
export const increment = async ({ bus }: Pick<TestEngine, 'bus'>, counterId: string): Promise<number> =>
  receiptOf(await bus.execute(incrementCounter, { counterId }, system)).position;

/** The state of the one projection, as operators see it. */
export const stateOf = ({ projector }: Pick<TestEngine, 'projector'>) => projector.status()[0]?.state;

/** Servers on one database that keep a projection of counters. */
export interface CounterServers {
  readonly database: TestDatabase;
  /** Another server. */
  readonly openEngine: ReturnType<typeof useEngine>;
  checkpoint(): Promise<postgres.Row | undefined>;
  /** The rows become those of a fold from scratch, to the end of the log. */
  expectWhole(engine: TestEngine): Promise<void>;
}

/** Gives each test of the file a database, and as many servers as it opens. */
export function useCounterServers(): CounterServers {
  const database = useDatabase({ tables: [countersTable] });
  const openEngine = useEngine(database, [counterDomain]);
  const checkpoint = async () =>
    (await database.sql`select * from read.checkpoints where projection = 'counters@1'`)[0];
  return {
    database,
    openEngine,
    checkpoint,
    expectWhole: async (engine) => {
      const { position } = await engine.log.head();
      await until(() => engine.projector.positions.of('counters') === position);
      const events = await engine.log.read(0, 100_000);
      expect(await rowsOf(engine.database.projector.db, counters)).toEqual(expectedRows(counters, events));
      expect((await checkpoint())?.position).toBe(position);
    },
  };
}
