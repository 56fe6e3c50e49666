import { describe, expect, it } from 'vitest';
import { defineProjection, type Projection } from '../../../../src/kernel/define/read-model/projection.ts';
import type { FoldChanged } from '../../../../src/kernel/observe/occurrences.ts';
import { fingerprintOf } from '../../../../src/kernel/read/fold-source/fingerprint.ts';
import { noteFold } from '../../../../src/kernel/read/fold-source/fold-check.ts';
import { receiptOf } from '../../../support/kernel/appends.ts';
import {
  Counter,
  counterDomain,
  counters,
  countersTable,
  incrementCounter,
  openCounter,
  system,
} from '../../../support/kernel/counter.ts';
import { useEngine } from '../../../support/kernel/engine.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { until } from '../../../support/until.ts';

const database = useDatabase({ tables: [countersTable], per: 'emptied' });
const openEngine = useEngine(database, [counterDomain]);

/** Counts double, under the same version. */
const double = defineProjection('counters', {
  table: countersTable,
  events: Counter.events,
  visibleTo: 'everyone',
  on: {
    CounterOpened: ({ streamId, data, version }, { upsert }) =>
      upsert(streamId, () => ({ id: streamId, label: data.label, value: 0, closed: false, version })),
    CounterIncremented: ({ streamId, data, version }, { update }) =>
      update(streamId, (row) => ({ ...row, value: row.value + 2 * data.by, version })),
  },
});

/** Starts a server whose counters are folded so, and ends it. @returns what it says of changed handlers. */
async function startWith(projection: typeof counters, rebuildsChangedFolds = false) {
  const told: FoldChanged[] = [];
  const engine = await openEngine({
    start: true,
    domains: [{ ...counterDomain, projections: [projection as unknown as Projection] }],
    rebuildsChangedFolds,
    subscribers: [{ foldChanged: (change) => told.push(change) }],
  });
  return { engine, told };
}

/** A counter that is at 3, as a server with the former handlers counts. */
async function count(): Promise<string> {
  const { engine } = await startWith(counters);
  const { aggregateId: counterId } = receiptOf(await engine.bus.execute(openCounter, { label: 'a' }, system));
  const { position } = receiptOf(await engine.bus.execute(incrementCounter, { counterId, by: 3 }, system));
  await engine.projector.positions.reached('counters', position, { timeoutMs: 30_000 });
  await engine.close();
  return counterId;
}

const countIn = async (id: string) =>
  (await database.sql`select value from read.counters_v1 where id = ${id}`)[0]?.value;

describe('a server whose handlers are not those that have filled the table, under the same version', () => {
  it('says so at each start, with what to write, and leaves the rows alone', async () => {
    const id = await count();
    const { engine, told } = await startWith(double);
    expect(told).toEqual([
      {
        projection: 'counters',
        version: 1,
        isRebuilt: false,
        message:
          'The handlers of projection counters have changed, and its version is still 1: rows of both folds are mixed in its table. ' +
          'Write version: 2 in its definition, and the table is filled again from the log. If the rows are the same, ' +
          '`projections verify counters` says so, and this warning ends.',
      },
    ]);
    await engine.close();
    expect((await startWith(double)).told).toHaveLength(1);
    expect(await countIn(id)).toBe(3);
  });

  it('fills the table again by itself if it is told to, as dev does', async () => {
    const id = await count();
    const { engine, told } = await startWith(double, true);
    expect(told).toMatchObject([{ projection: 'counters', isRebuilt: true }]);
    await until(async () => (await countIn(id)) === 6);
    await engine.close();
    expect((await startWith(double)).told).toEqual([]);
  });

  it('says nothing after the rows were found to be right', async () => {
    await count();
    const { engine } = await startWith(double);
    await noteFold(engine.database.owner.db, double as unknown as Projection);
    await engine.close();
    expect((await startWith(double)).told).toEqual([]);
  });
});

describe('a server', () => {
  it('says nothing of handlers that are the same, or of an empty table', async () => {
    const first = await startWith(counters);
    await first.engine.close();
    const other = await startWith(double);
    await other.engine.close();
    expect([first.told, other.told]).toEqual([[], []]);
  });
});

describe('the fingerprint of handlers', () => {
  const handler = (source: string) => ({
    handlers: new Map([['Counted', { toString: () => source } as never]]),
    every: undefined,
  });
  const print = (source: string) => fingerprintOf(handler(source));

  it('is that of the compiled code: white space, comments and trailing commas do not count', () => {
    const source = `(event, { upsert }) =>
      // The row of its stream.
      upsert(event.streamId, (row      ) => ({ ...row, text: 'a  b', /* all */ n: 1, }))`;
    const compiled = "(event, { upsert }) => upsert(event.streamId, (row) => ({ ...row, text: 'a  b', n: 1 }))";
    expect(print(source)).toBe(print(compiled));
  });

  it.each([
    ['a value', '(e) => e.n + 1', '(e) => e.n + 2'],
    ['a text, if only in its white space', "(e) => 'a b'", "(e) => 'a  b'"],
    ['a text that looks like a comment', "(e) => 'https://a'", "(e) => 'https://b'"],
  ])('is another one after a change of %s', (_, before, after) => {
    expect(print(before)).not.toBe(print(after));
  });
});
