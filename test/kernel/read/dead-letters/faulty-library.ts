import { beforeEach } from 'vitest';
import type { Database } from '../../../../src/database/client.ts';
import type { NewEvent } from '../../../../src/kernel/define/event.ts';
import type { Projection } from '../../../../src/kernel/define/read-model/projection.ts';
import { DeadLetters } from '../../../../src/kernel/read/dead-letters/dead-letters.ts';
import { DrivenProjection, type Fault, failing } from '../../../support/kernel/driven-projection.ts';
import { type TestEngine, useEngine } from '../../../support/kernel/engine.ts';
import {
  Book,
  bookNumber,
  libraryAppends,
  libraryDomain,
  libraryTables,
  Read,
  Written,
} from '../../../support/kernel/library.ts';
import { peopleHistory, peopleTable } from '../../../support/kernel/people.ts';
import { expectedRows } from '../../../support/kernel/rows.ts';
import { type TestDatabase, useDatabase } from '../../../support/postgres/database.ts';

export const written = (n: number, author = 'ann') =>
  [bookNumber(n), Written({ title: `${n}`, author, tags: [] })] as const;
export const read = (n: number, reader: string, pages = 5) => [bookNumber(n), Read({ reader, pages })] as const;
/** The key under which a book's events are parked. */
export const keyOf = (n: number) => `Book/${bookNumber(n)}`;

/** A projection that has seen some events. */
export interface Seen {
  /** The faults that are left, by the positions of their events. */
  readonly faults: Map<number, Fault>;
  readonly driven: DrivenProjection;
  readonly deadLetters: DeadLetters;
  readonly db: Database;
}

/** A library whose projections meet events that are at fault. */
export interface FaultyLibrary {
  readonly database: TestDatabase;
  readonly engine: TestEngine;
  /** A projection that has seen these events, of which some are at fault until they are taken out of `faults`. */
  seen(
    projection: Projection,
    faulty: Readonly<Record<number, Fault>>,
    ...happened: (readonly [string, NewEvent])[]
  ): Promise<Seen>;
  /** The parked events of a projection. */
  waiting(projection: string): Promise<Record<string, unknown>[]>;
  /** The rows of a fold from scratch, without the events at these positions. */
  expected(projection: Projection, ...without: number[]): Promise<ReturnType<typeof expectedRows>>;
}

/** Gives each test of the file a library without books. */
export function useFaultyLibrary(): FaultyLibrary {
  const database = useDatabase({ tables: [...libraryTables, peopleTable, peopleHistory] });
  const openEngine = useEngine(database, [libraryDomain]);
  let engine: TestEngine;
  beforeEach(async () => {
    engine = await openEngine();
  });
  return {
    database,
    get engine() {
      return engine;
    },
    seen: async (projection, faulty, ...happened) => {
      const faults = new Map(Object.entries(faulty).map(([position, fault]) => [Number(position), fault]));
      await engine.log.append(libraryAppends(happened));
      const driven = new DrivenProjection(engine, database.sql, failing(projection, faults));
      await driven.beginAt(0);
      await driven.moveTo(happened.length);
      const { db } = engine.database.projector;
      const deadLetters = new DeadLetters({ db, projections: [driven.projection], events: Book.events, pageSize: 2 });
      return { faults, driven, deadLetters, db };
    },
    waiting: async (projection) =>
      (
        await database.sql`select key, position, partial from read.dead_letters
                           where projection = ${projection} and status = 'PARKED' order by position, key`
      ).map((row) => ({ ...row })),
    expected: async (projection, ...without) =>
      expectedRows(
        projection,
        (await engine.log.read(0, 1000)).filter(({ position }) => !without.includes(position)),
      ),
  };
}
