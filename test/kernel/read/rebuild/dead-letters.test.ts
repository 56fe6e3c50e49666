import { beforeEach, describe, expect, it } from 'vitest';
import { receiptOf } from '../../../support/kernel/appends.ts';
import {
  counterDomain,
  counters,
  countersTable,
  incrementCounter,
  openCounter,
  system,
} from '../../../support/kernel/counter.ts';
import { type Fault, failing } from '../../../support/kernel/driven-projection.ts';
import { type TestEngine, useEngine } from '../../../support/kernel/engine.ts';
import { expectedRows, rowsOf } from '../../../support/kernel/rows.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { until } from '../../../support/until.ts';

const database = useDatabase({ tables: [countersTable], per: 'emptied' });
const openEngine = useEngine(database, [counterDomain]);

const parkedOf = async (projection: string) =>
  (
    await database.sql`select position from read.dead_letters
                       where projection = ${projection} and status = 'PARKED' order by position`
  ).map(({ position }) => Number(position));
const isUnderWay = async () =>
  (await database.sql`select from read.checkpoints where projection = 'counters@1#rebuild'`).length > 0;

let faults: Map<number, Fault>;
let engine: TestEngine;
let key: string;
let letGo: () => Promise<void>;

/** Events 2 and 3 of one counter are parked, in the live table and in that of a rebuild, which waits for a reader. */
beforeEach(async () => {
  faults = new Map([[2, 'fold']]);
  engine = await openEngine({
    start: true,
    domains: [{ ...counterDomain, projections: [failing(counters, faults)] }],
  });
  const counterId = receiptOf(await engine.bus.execute(openCounter, { label: 'a' }, system)).aggregateId;
  for (let n = 0; n < 2; n++) await engine.bus.execute(incrementCounter, { counterId }, system);
  key = `Counter/${counterId}`;
  await until(async () => (await parkedOf('counters@1')).length === 2);
  const reader = await database.sql.reserve();
  letGo = async () => {
    await reader`commit`;
    reader.release();
  };
  await reader`begin`;
  await reader`select from read.counters_v1`;
  await engine.projector.rebuilds.begin(counters);
  await until(async () => (await parkedOf('counters@1#rebuild')).length === 2);
});

const swapped = () => until(async () => !(await isUnderWay()));
const expectRows = async (...without: number[]) => {
  const events = (await engine.log.read(0, 100)).filter(({ position }) => !without.includes(position));
  expect(await rowsOf(engine.database.projector.db, counters)).toEqual(expectedRows(counters, events));
  expect(await database.sql`select from read.counters_v1 where stale_since is not null`).toHaveLength(0);
};

describe('an event that a rebuild has parked', () => {
  it('and that was discarded meanwhile does not come back', async () => {
    await engine.deadLetters.discard('counters', key, 2, { by: 'a test', reason: null });
    expect(await parkedOf('counters@1')).toEqual([]);
    await letGo();
    await swapped();
    expect(await parkedOf('counters@1')).toEqual([]);
    await expectRows(2);
    const discarded = await database.sql`select projection, position::int, discarded_by from read.dead_letters`;
    expect(discarded.map((row) => ({ ...row }))).toEqual([
      { projection: 'counters@1', position: 2, discarded_by: 'a test' },
    ]);
  });

  it('and that was applied by a retry meanwhile does not come back', async () => {
    faults.clear();
    await engine.deadLetters.retry('counters', key);
    await letGo();
    await swapped();
    expect(await parkedOf('counters@1')).toEqual([]);
    await expectRows();
  });

  it('that still waits remains parked', async () => {
    await letGo();
    await swapped();
    expect(await parkedOf('counters@1')).toEqual([2, 3]);
    faults.clear();
    expect(await engine.deadLetters.retry('counters', key)).toMatchObject({ applied: 2, remaining: 0 });
    await expectRows();
  });
});
