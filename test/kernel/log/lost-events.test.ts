import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { ObstacleChanged } from '../../../src/kernel/observe/occurrences.ts';
import { counterDomain, countersTable, openCounter, system } from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ tables: [countersTable], per: 'emptied' });
const open = useEngine(database, [counterDomain]);

const openOne = ({ bus }: TestEngine) =>
  bus.execute(openCounter, { counterId: randomUUID(), label: 'a' }, { ...system, commandId: randomUUID() });

/** An engine whose read models have so many counters. */
async function started(counters: number) {
  const notices: ObstacleChanged[] = [];
  const engine = await open({ start: true, subscribers: [{ obstacleChanged: (notice) => notices.push(notice) }] });
  for (let nth = 0; nth < counters; nth++) await openOne(engine);
  await engine.projector.positions.reached('counters', counters, {});
  return { engine, notices };
}

/** Changes the database into a promoted standby that lacks the last events. */
async function loseAfter(position: number, { checkpoints = true } = {}): Promise<void> {
  await database.sql.begin(async (sql) => {
    await sql`alter table es.events disable trigger events_append_only`;
    await sql`delete from es.streams where stream_id in (select stream_id from es.events where position > ${position})`;
    await sql`delete from es.events where position > ${position}`;
    await sql`alter table es.events enable always trigger events_append_only`;
    if (!checkpoints) return;
    await sql`delete from read.counters_v1 where last_position > ${position}`;
    await sql`update read.checkpoints set position = least(position, ${position})`;
  });
}

/**
 * Waits for the reason why nothing can be appended.
 * @param end a part of the expected reason. A check in the middle of the change may give another one.
 */
const reasonOf = (engine: TestEngine, end = '') =>
  until(() => engine.obstacles.reasons.find((reason) => reason.includes(end)));

it('if the log has lost its last events, commands are refused with a message that says what to do, and reads continue', async () => {
  const { engine, notices } = await started(6);
  await loseAfter(2);
  expect(await reasonOf(engine)).toMatch(/^The log has lost events 3 to 6, .* ends at 2\..* restore-epoch/);
  await expect(openOne(engine)).rejects.toMatchObject({
    code: 'THROTTLED',
    message: expect.stringContaining('The log has lost events 3 to 6'),
  });
  expect(engine.projector.head.position).toBe(2);
  await until(() => engine.projector.positions.of('counters') === 2);
  expect(notices).toEqual([
    { isOver: false, obstacle: { kind: 'log', reason: expect.stringContaining('lost events') } },
  ]);
});

it('is noticed too if others have appended up to the same position again', async () => {
  const { engine } = await started(4);
  const other = await open();
  await loseAfter(2);
  for (let nth = 0; nth < 4; nth++) await openOne(other);
  expect(await reasonOf(engine, 'ends at 6')).toMatch(
    /^The log has lost events 3 to 4, which were committed, and others were appended after 2 instead: it now ends at 6\./,
  );
});

it('does not ask again and again for events that are not there, also if another instance says that they are', async () => {
  const { engine } = await started(6);
  await loseAfter(2);
  await reasonOf(engine);
  // A notification of an instance that has not noticed would do this.
  engine.projector.head.advance(6, undefined);
  engine.projector.renewSoon();
  const look = async () => {
    const [row] = await database.sql`
      select (select lease_until::text from read.checkpoints where projection = 'counters@1') as lease,
             (select xact_commit + xact_rollback from pg_stat_database where datname = current_database())::int as transactions`;
    return row as { lease: string; transactions: number };
  };
  const before = await look();
  // Leases are renewed once a second: in five of these a loop asks thousands of times.
  const leases = new Set<string>();
  let now = before;
  while (leases.size < 6) {
    now = await look();
    leases.add(now.lease);
    await delay(50);
  }
  expect(now.transactions - before.transactions).toBeLessThan(1000);
});

it('a server that starts on a log behind its checkpoints refuses commands with a message that says what to do', async () => {
  const { engine } = await started(4);
  await engine.close();
  await loseAfter(2, { checkpoints: false });
  const next = await open({ start: true });
  expect(await reasonOf(next)).toMatch(
    /^The log ends at 2, and these have seen later events: read model counters@1 \(4\)\. So events 3 to 4 are lost\./,
  );
  await expect(openOne(next)).rejects.toMatchObject({ code: 'THROTTLED' });
});

it('events that are there again, as after a wrong turn to another server, are no reason any more', async () => {
  const { engine, notices } = await started(4);
  await database.sql`create table public.kept as select * from es.events where position > 2`;
  await loseAfter(2);
  await reasonOf(engine);
  await database.sql`insert into es.events select * from public.kept`;
  await until(() => engine.obstacles.reasons.length === 0);
  expect(notices.map(({ isOver }) => isOver)).toEqual([false, true]);
});
