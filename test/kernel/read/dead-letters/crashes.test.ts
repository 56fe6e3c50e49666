import { beforeAll, describe, expect, it } from 'vitest';
import type { AfterwriteDatabase } from '../../../../src/database/database.ts';
import { isTransient } from '../../../../src/database/transient.ts';
import { DeadLetters } from '../../../../src/kernel/read/dead-letters/dead-letters.ts';
import { type Lane, untilDone, useLanes } from '../../../support/crash/crash-lane.ts';
import { breakAtPoints, CRASHES, OF_A_LIFE, type Scenario } from '../../../support/crash/crash-points.ts';
import { type Fault, failing } from '../../../support/kernel/driven-projection.ts';
import {
  Book,
  bookNumber,
  books,
  libraryAppends,
  libraryDomain,
  Read,
  Renamed,
  Written,
} from '../../../support/kernel/library.ts';

const [one, two] = [bookNumber(1), bookNumber(2)];
/**
 * Events of two books. The third event parks the first book, the sixth concerns both, and the others can be applied.
 */
const happened = [
  [one, Written({ title: 'One', author: 'ann', tags: [] })],
  [two, Written({ title: 'Two', author: 'ann', tags: [] })],
  [one, Read({ reader: 'cid', pages: 1 })],
  [two, Read({ reader: 'cid', pages: 2 })],
  [one, Read({ reader: 'dan', pages: 3 })],
  [two, Renamed({ from: 'ann', to: 'bob' })],
  [one, Written({ title: 'One again', author: 'eve', tags: ['x'] })],
] as const;
const KEY = `Book/${one}`;
const faults = new Map<number, Fault>();
const domain = { ...libraryDomain, projections: [failing(books, faults)] };
const options = { projectionBatchLimit: 4 };
const lanes = useLanes(4, domain);

/** The content of the database, without times and generations, which a second attempt changes. */
async function present({ sql }: Lane): Promise<unknown> {
  const [found] = await sql`select
    (select jsonb_agg(to_jsonb(b) order by id) from read.books_v1 b) as books,
    (select jsonb_agg(to_jsonb(h) order by id, from_position) from read.books_history_v1 h) as former,
    (select jsonb_agg(to_jsonb(d) - 'parked_at' - 'discarded_at' order by key, position) from read.dead_letters d) as letters,
    (select jsonb_agg(jsonb_build_array(projection, position, failure)) from read.checkpoints) as checkpoints`;
  return { ...found };
}

/** The projection's life up to the end of the log. */
async function live(lane: Lane, way: AfterwriteDatabase, isDead: () => boolean): Promise<boolean> {
  const engine = lane.engine(way, options);
  const hasStarted = await engine.start().then(
    () => true,
    () => false,
  );
  await untilDone(lane, engine, () => isDead() || !hasStarted);
  await engine.stop();
  return hasStarted && !isDead();
}

const lettersOf = (database: AfterwriteDatabase) =>
  new DeadLetters({ db: database.projector.db, projections: domain.projections, events: Book.events });
const retry = (database: AfterwriteDatabase) => lettersOf(database).retry('books', KEY);
const discard = (database: AfterwriteDatabase) =>
  lettersOf(database).discard('books', KEY, 3, { by: 'admin-1', reason: null });

async function park(lane: Lane): Promise<void> {
  faults.set(3, 'fold');
  await lane.forget();
  await live(lane, lane.direct, () => false);
}
const KEPT = ['books_v1', 'books_history_v1', 'dead_letters', 'checkpoints'];
/** The parked events, which are put back before each run. */
async function keep({ sql }: Lane): Promise<void> {
  await sql`create schema if not exists kept`;
  for (const table of KEPT) {
    await sql.unsafe(`drop table if exists kept.${table}; create table kept.${table} as table read.${table}`);
  }
}
async function putBack({ sql }: Lane): Promise<void> {
  for (const table of KEPT) {
    await sql.unsafe(`delete from read.${table}; insert into read.${table} select * from kept.${table}`);
  }
}

beforeAll(async () => {
  for (const lane of lanes) {
    await lane.log.append(libraryAppends(happened));
    await park(lane);
    await keep(lane);
  }
});

describe('the same events are parked as without a crash', () => {
  it.each(CRASHES)('whichever message is %s while it is put aside, and the %s dies', async (how, dies) => {
    faults.set(3, 'fold');
    const expected = await Promise.all(lanes.map((lane) => park(lane).then(() => present(lane))));
    expect(expected[0]).toMatchObject({
      letters: [{ position: 3 }, { position: 5 }, { position: 6 }, { position: 7 }],
    });
    const runs = lanes.map(
      (lane, nth): Scenario => ({
        proxy: lane.proxy,
        run: async (point) => {
          await lane.forget();
          await lane.proxy.arm(point);
          const isWhole = await live(lane, lane.breaking, () => dies === 'process' && lane.proxy.hasBroken);
          await lane.proxy.mend();
          if (!isWhole) await live(lane, lane.direct, () => false);
          expect(await present(lane)).toEqual(expected[nth]);
        },
      }),
    );
    await breakAtPoints(runs, how, dies, { messages: 200, every: OF_A_LIFE });
  });
});

describe.each([
  ['retrying', retry, () => faults.clear()],
  ['discarding', discard, () => faults.set(3, 'fold')],
])('after %s the rows are the same as without a crash', (_, act, prepare) => {
  it.each(CRASHES.filter(([, dies]) => dies === 'connection'))('whichever message is %s', async (how, dies) => {
    prepare();
    const expected = await Promise.all(
      lanes.map(async (lane) => {
        await putBack(lane);
        expect(await act(lane.direct)).toMatchObject({ remaining: 0, error: null });
        return present(lane);
      }),
    );
    const runs = lanes.map(
      (lane, nth): Scenario => ({
        proxy: lane.proxy,
        run: async (point) => {
          await putBack(lane);
          await lane.proxy.arm(point);
          const outcome = await act(lane.breaking).catch((error: unknown) => error);
          await lane.proxy.mend();
          if (outcome instanceof Error) expect(isTransient(outcome), `${outcome}`).toBe(true);
          else expect(outcome).toMatchObject({ remaining: 0, error: null });
          // A client without an answer repeats the request. The error that nothing is parked any more is expected then.
          if (outcome instanceof Error) await act(lane.direct).catch(() => undefined);
          if (outcome instanceof Error) await retry(lane.direct).catch(() => undefined);
          expect(await present(lane)).toEqual(expected[nth]);
        },
      }),
    );
    await breakAtPoints(runs, how, dies, { messages: 60 });
  });
});
