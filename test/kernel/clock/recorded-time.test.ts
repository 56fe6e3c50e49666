import { randomUUID } from 'node:crypto';
import { afterEach, expect, it, vi } from 'vitest';
import { counterDomain, countersTable, openCounter, system } from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { everyEvent } from '../../support/kernel/log.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ tables: [countersTable] });
const open = useEngine(database, [counterDomain]);
const LIMIT = { clockSkewLimitMs: 60_000 };
const DAY = 86_400_000;
const realNow = Date.now;
afterEach(() => void vi.restoreAllMocks());

/** Postgres' clock, where everything of ours asks for it. */
const setPostgres = (by: string) =>
  database.sql.unsafe(
    `create or replace function es.now() returns timestamptz language sql volatile as $$ select clock_timestamp() + interval '${by}' $$`,
  );
const openOne = ({ bus }: TestEngine) => bus.execute(openCounter, { counterId: randomUUID(), label: 'a' }, system);
const times = async () => {
  const rows = await database.sql`
    select (extract(epoch from recorded_at - clock_timestamp()) / 86400)::float8 as days from es.events order by position`;
  return rows.map(({ days }) => Math.round(days) + 0);
};
const reasonOf = (engine: TestEngine) => until(() => engine.obstacles.reasons[0]);

it('an append is refused if Postgres’ clock has jumped by more than the limit, before anybody has measured it', async () => {
  const engine = await open({ start: true, ...LIMIT });
  await openOne(engine);
  await setPostgres('40 days');
  await expect(openOne(engine)).rejects.toMatchObject({
    code: 'THROTTLED',
    message: expect.stringMatching(/the clock of Postgres is 3456\d+ ms ahead/),
  });
  await setPostgres('0');
  expect(await openOne(engine)).toMatchObject({ kind: 'accepted' });
  expect(await times()).toEqual([0, 0]);
});

it('a server whose own clock is too far off takes no command and says why; one that is less far off does', async () => {
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => realNow() - 31_000);
  const engine = await open({ start: true, ...LIMIT });
  expect(await openOne(engine)).toMatchObject({ kind: 'accepted' });
  clock.mockImplementation(() => realNow() + 3_600_000);
  const ends = performance.now() + 10_000;
  while (engine.obstacles.reasons.length === 0 && performance.now() < ends) await new Promise(setImmediate);
  expect(engine.obstacles.reasons).toEqual([
    expect.stringMatching(/^This server's clock is 3600 s ahead of Postgres'/),
  ]);
  await expect(openOne(engine)).rejects.toMatchObject({ code: 'THROTTLED' });
  clock.mockRestore();
  await until(() => engine.obstacles.reasons.length === 0);
  expect(await openOne(engine)).toMatchObject({ kind: 'accepted' });
});

it('events of the future stand in the way until an operator accepts them; later ones get the right time', async () => {
  const careless = await open();
  await openOne(careless);
  await setPostgres('40 days');
  await openOne(careless);
  await setPostgres('0');
  const engine = await open({ start: true, ...LIMIT });
  expect(await reasonOf(engine)).toMatch(/^Event 2 is recorded 34\d+ s in the future: .* clock accept/);
  await expect(openOne(engine)).rejects.toMatchObject({ code: 'THROTTLED' });
  await database.sql`update es.store set accepted_position = 2`;
  await until(() => engine.obstacles.reasons.length === 0);
  expect(await openOne(engine)).toMatchObject({ kind: 'accepted' });
  expect(await openOne(engine)).toMatchObject({ kind: 'accepted' });
  expect(await times()).toEqual([0, 40, 0, 0]);
  expect(Math.abs((engine.projector.head.recordedAt?.getTime() ?? 0) - realNow())).toBeLessThan(DAY);
});

it('events that were accepted once are read at the same time after others were accepted', async () => {
  const engine = await open();
  const mishap = async () => {
    await setPostgres('40 days');
    await openOne(engine);
    await setPostgres('0');
    const { position } = await engine.log.head();
    await database.sql`insert into es.acceptances (up_to, accepted_at) values (${position}, clock_timestamp())`;
    await database.sql`update es.store set accepted_position = ${position}`;
  };
  await openOne(engine);
  await mishap();
  const told = async () => (await everyEvent(engine.log)).map(({ recordedAt }) => recordedAt.getTime());
  const before = await told();
  await openOne(engine);
  await mishap();
  await openOne(engine);
  const after = await told();
  expect(after.slice(0, before.length)).toEqual(before);
  expect(after).toEqual(after.toSorted((a, b) => a - b));
  expect(Math.max(...after)).toBeLessThan(realNow() + 1000);
});

it('recorded time does not go back if clocks differ within the limit', async () => {
  const engine = await open({ start: true, ...LIMIT });
  await setPostgres('30 seconds');
  await openOne(engine);
  await setPostgres('0');
  await openOne(engine);
  const rows =
    await database.sql`select recorded_at >= lag(recorded_at) over (order by position) as grows from es.events`;
  expect(rows.map(({ grows }) => grows)).toEqual([null, true]);
});
