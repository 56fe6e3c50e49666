import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changesOf, type Projection } from '../../../src/kernel/define/projection.ts';
import { DeadLetters } from '../../../src/kernel/read/dead-letters.ts';
import { useDatabase } from '../../support/database.ts';
import { DrivenProjection, type Fault, failing } from '../../support/driven-projection.ts';
import { useEngine } from '../../support/engine.ts';
import {
  Book,
  books,
  booksTable,
  libraryAppends,
  libraryDomain,
  libraryEvents,
  readings,
  readingsTable,
} from '../../support/library.ts';
import { people, peopleTable } from '../../support/people.ts';
import { expectedRows } from '../../support/rows.ts';

const database = useDatabase({ tables: [booksTable, readingsTable, peopleTable] });
const openEngine = useEngine(database, [libraryDomain]);

const keyOf = (projection: Projection, row: Readonly<Record<string, unknown>>) =>
  JSON.stringify(projection.key.map(({ property }) => row[property]));

const share = fc.nat({ max: 999 });
/** What goes wrong: which events are at fault and how, when that is mended, and how the log is cut. */
const course = fc.record({
  faults: fc.array(fc.tuple(share, fc.constantFrom<Fault>('handler', 'fold')), { minLength: 1, maxLength: 5 }),
  cuts: fc.array(fc.record({ at: share, retry: fc.boolean(), mended: fc.nat({ max: 2 }) }), { maxLength: 3 }),
  batchLimit: fc.integer({ min: 1, max: 12 }),
  pageSize: fc.integer({ min: 1, max: 4 }),
});

describe.each<readonly [string, Projection]>([
  ['books', books],
  ['readings', readings],
  ['people', people],
])('whatever happens to %s', (_, projection) => {
  it('a row that is not stale is as it should be, and all are once what was at fault is mended', async () => {
    const engine = await openEngine();
    await fc.assert(
      fc.asyncProperty(libraryEvents, course, async (happened, { faults, cuts, batchLimit, pageSize }) => {
        const { position: before } = await engine.log.head();
        await database.sql`truncate read.books, read.readings, read.people`;
        await engine.log.append(libraryAppends(happened));
        const events = await engine.log.read(before, 1000);
        const at = (share: number) => before + 1 + Math.floor((share / 1000) * events.length);
        const wrong = new Map<number, Fault>();
        for (const [share, fault] of faults) {
          const event = events[at(share) - before - 1]!;
          // Which rows an event changes by their values is known only where its handler works.
          const isBroad =
            projection === people || changesOf(projection, event).some(({ kind }) => kind === 'updateWhere');
          wrong.set(event.position, isBroad ? 'fold' : fault);
        }
        const driven = new DrivenProjection(engine, database.sql, failing(projection, wrong));
        const deadLetters = new DeadLetters({
          db: engine.database.projector.db,
          projections: [driven.projection],
          events: Book.events,
          pageSize,
        });
        const retryAll = async () => {
          for (let more = true; more; ) {
            more = false;
            for (const { key } of await deadLetters.keys(projection.name, 100)) {
              const { applied } = await deadLetters.retry(projection.name, key).catch(() => ({ applied: 0 }));
              more ||= applied > 0;
            }
          }
        };
        await driven.beginAt(before);
        for (const cut of cuts.toSorted((a, b) => a.at - b.at)) {
          await driven.moveTo(at(cut.at), batchLimit);
          for (const position of [...wrong.keys()].slice(0, cut.mended)) wrong.delete(position);
          if (cut.retry) await retryAll();
        }
        await driven.moveTo(before + events.length, batchLimit);

        const expected = new Map(expectedRows(projection, events).map((row) => [keyOf(projection, row), row]));
        const present = () =>
          engine.database.projector.db.select().from(projection.table) as Promise<Record<string, unknown>[]>;
        const isStale = new Set<string>();
        for (const { lastPosition: _, staleSince, ...row } of await present()) {
          if (staleSince === null) expect(row).toEqual(expected.get(keyOf(projection, row)));
          else isStale.add(keyOf(projection, row));
        }
        if (wrong.size === 0) await retryAll();
        const waiting = await deadLetters.keys(projection.name, 100);
        if (waiting.length === 0) expect(isStale.size === 0 || wrong.size === 0).toBe(true);

        wrong.clear();
        await retryAll();
        expect(await deadLetters.keys(projection.name, 100)).toEqual([]);
        const after = await present();
        expect(after.filter(({ staleSince }) => staleSince !== null)).toEqual([]);
        expect(
          new Map(after.map(({ lastPosition: _, staleSince: __, ...row }) => [keyOf(projection, row), row])),
        ).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  }, 120_000);
});
