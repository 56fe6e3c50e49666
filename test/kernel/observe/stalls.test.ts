import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { APPEND_LOCK } from '../../../src/database/activity/locks.ts';
import type { StallChanged } from '../../../src/kernel/observe/occurrences.ts';
import { explainStall, type Stall } from '../../../src/kernel/observe/stall.ts';
import { counterDomain, countersTable, incrementCounter, openCounter, system } from '../../support/kernel/counter.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { holdUp } from '../../support/postgres/blocker.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { useProxy } from '../../support/postgres/proxy.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ tables: [countersTable] });
const proxy = useProxy(database);
const open = useEngine(database, [counterDomain]);

/** An engine with one counter that its read model has, and what it tells operators. */
async function started(options: Parameters<typeof open>[0] = {}) {
  const notices: StallChanged[] = [];
  const engine = await open({
    start: true,
    subscribers: [{ stallChanged: (notice) => notices.push(notice) }],
    ...options,
  });
  const counterId = randomUUID();
  await engine.bus.execute(openCounter, { counterId, label: 'a' }, system);
  const { positions, head } = engine.projector;
  const caughtUp = () => until(() => head.position > 0 && positions.of('counters') === head.position);
  await caughtUp();
  const increment = (commandId: string = randomUUID()) =>
    engine.bus.execute(incrementCounter, { counterId, by: 1 }, { ...system, commandId });
  const stallOf = async (what: string) => (await until(() => engine.watch.stalls.get(what))) as Stall;
  const over = (what: string) => until(() => !engine.watch.stalls.has(what));
  const told = () => notices.map(({ stall, isOver }) => ({ ...stall, isOver }));
  return { ...engine, counterId, increment, stallOf, over, told, caughtUp };
}

/** Waits until so many backends wait for a lock. */
const waiting = (count: number) =>
  until(async () => {
    const rows = await database.sql`select 1 from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`;
    return rows.length >= count;
  });

describe('a projection that stands still', () => {
  it('reports the lock that it waits for, its holder, since when, the holder’s statement, and the event', async () => {
    const before = new Date();
    const { increment, stallOf, over, told, caughtUp, counterId } = await started();
    const statement = 'lock table read.counters_v1 in exclusive mode';
    const blocker = await holdUp(database, statement);
    const stood = new Date();
    await increment();
    const stall = await stallOf('counters');
    expect(stall).toMatchObject({
      what: 'counters',
      waitingFor: 'RowExclusiveLock on read.counters_v1',
      event: { position: 2, type: 'CounterIncremented', streamType: 'Counter', streamId: counterId },
      blockers: [
        {
          pid: blocker.pid,
          application: 'somebody else',
          state: 'idle in transaction',
          user: expect.any(String),
          query: statement,
        },
      ],
    });
    expect(stall.since.getTime()).toBeGreaterThanOrEqual(stood.getTime() - 1);
    expect(stall.blockers[0]?.since?.getTime()).toBeGreaterThanOrEqual(before.getTime() - 1000);
    expect(stall.message).toContain(
      `Projection counters has made no progress since ${stall.since.toISOString()} before event 2, CounterIncremented of Counter ${counterId}: ` +
        `it waits for RowExclusiveLock on read.counters_v1, held by backend ${blocker.pid} (somebody else, user `,
    );
    expect(stall.message).not.toContain('lock table');
    await blocker.release();
    await over('counters');
    await caughtUp();
    const rows = await database.sql`select value from read.counters_v1`;
    expect(rows).toEqual([{ value: 1 }]);
    expect(told().map(({ what, isOver }) => [what, isOver])).toEqual([
      ['counters', false],
      ['counters', true],
    ]);
  });

  it('says so of a row that somebody has changed and not committed', async () => {
    const { increment, stallOf, over } = await started();
    const blocker = await holdUp(database, "update read.counters_v1 set label = 'mine'");
    await increment();
    const stall = await stallOf('counters');
    expect(stall.waitingFor).toBe('a row of read.counters_v1');
    expect(stall.blockers.map(({ pid }) => pid)).toEqual([blocker.pid]);
    await blocker.release();
    await over('counters');
  });

  it('says so if it cannot read', async () => {
    const { increment, stallOf, over } = await started();
    const blocker = await holdUp(database, 'lock table read.counters_v1 in access exclusive mode');
    await increment();
    expect((await stallOf('counters')).waitingFor).toBe('AccessShareLock on read.counters_v1');
    await blocker.release();
    await over('counters');
  });

  it('names the session at the head of the queue, not the sessions that wait in it', async () => {
    const { increment, stallOf, over } = await started();
    const blocker = await holdUp(database, 'lock table read.counters_v1 in share mode');
    const queued = holdUp(database, 'lock table read.counters_v1 in access exclusive mode');
    await waiting(1);
    await increment();
    expect((await stallOf('counters')).blockers.map(({ pid }) => pid)).toEqual([blocker.pid]);
    await blocker.release();
    await (await queued).release();
    await over('counters');
  });
});

it('does not report each new wait event of a slow statement', async () => {
  const { increment, stallOf, over, told } = await started();
  await database.sql.unsafe(`
    create function read.now_this_now_that() returns trigger language plpgsql as $$
    begin
      for round in 1..17 loop
        perform pg_sleep(0.25);
        declare
          until timestamptz = clock_timestamp() + interval '250 ms';
        begin
          while clock_timestamp() < until loop end loop;
        end;
      end loop;
      return new;
    end $$;
    create trigger slow before update on read.counters_v1 for each row execute function read.now_this_now_that();
  `);
  await increment();
  await stallOf('counters');
  await over('counters');
  expect(told().map(({ what, isOver }) => [what, isOver])).toEqual([
    ['counters', false],
    ['counters', true],
  ]);
});

describe('appending that stands still', () => {
  it('reports who holds the log, refuses appends that do not fit into the queue, and continues by itself', async () => {
    const { increment, stallOf, over, told, queue, counterId } = await started({ queueLimit: 2 });
    const blocker = await holdUp(database, `select pg_advisory_xact_lock(${APPEND_LOCK})`);
    const ids = [randomUUID(), randomUUID(), randomUUID()];
    const first = increment(ids[0]);
    await waiting(1);
    const others = [increment(ids[1]), increment(ids[2])];
    await until(() => queue.depth === 2);
    const stall = await stallOf('append');
    expect(stall).toMatchObject({
      waitingFor: `the log's append lock (advisory lock ${APPEND_LOCK})`,
      event: { position: null, type: 'CounterIncremented', streamType: 'Counter', streamId: counterId },
      blockers: [{ pid: blocker.pid, query: `select pg_advisory_xact_lock(${APPEND_LOCK})` }],
    });
    expect(stall.message).toMatch(/^Appending has made no progress since .*: it waits for the log's append lock/);
    expect(queue.depth).toBe(2);
    expect(queue.oldestWaitMs).toBeGreaterThan(0);
    await expect(increment()).rejects.toMatchObject({ code: 'THROTTLED', retryAfterMs: expect.any(Number) });
    await blocker.release();
    for (const answer of await Promise.all([first, ...others])) expect(answer).toMatchObject({ kind: 'accepted' });
    await over('append');
    expect(await increment()).toMatchObject({ kind: 'accepted', receipt: { version: 5 } });
    expect(told().filter(({ what, isOver }) => what === 'append' && isOver)).toHaveLength(1);
  });

  it('reports what prevents writing events', async () => {
    const { increment, stallOf } = await started();
    const blocker = await holdUp(database, 'lock table es.events in share mode');
    const answer = increment();
    const stall = await stallOf('append');
    expect(stall.waitingFor).toBe('RowExclusiveLock on es.events');
    expect(stall.blockers.map(({ pid }) => pid)).toEqual([blocker.pid]);
    await blocker.release();
    expect(await answer).toMatchObject({ kind: 'accepted' });
  });

  it('says that Postgres does not answer', async () => {
    const between = await proxy();
    const { increment, stallOf, over } = await started({ url: between.url });
    between.holdAnswers();
    const answer = increment();
    const stall = await stallOf('append');
    expect(stall.message).toMatch(/it waits for Postgres, which does not answer/);
    between.cut();
    between.passAnswers();
    expect(await answer).toMatchObject({ kind: 'accepted' });
    await over('append');
  });
});

it('does not report work that is only slow', async () => {
  const { increment, told, watch } = await started();
  for (let round = 0; round < 20; round++) await increment();
  expect(watch.stalls.size).toBe(0);
  expect(told()).toEqual([]);
});

it('names a prepared transaction, which no backend runs any more', () => {
  const nobody = { pid: null, application: null, user: null, state: null, query: null, since: null };
  const backend = {
    ...{ pid: 7, application: 'afterwrite projector', query: '', since: new Date(0) },
    ...{ waitingFor: 'a row of read.counters_v1', isLocked: true, blockers: [nobody] },
  };
  const clock = { now: () => 1001, at: (instant: number) => new Date(instant) };
  const stall = explainStall({ what: 'counters', forMs: 1000, event: null, trouble: undefined }, [backend], clock);
  expect(stall?.message).toBe(
    'Projection counters has made no progress since 1970-01-01T00:00:00.000Z: ' +
      'it waits for a row of read.counters_v1, held by a prepared transaction (see pg_prepared_xacts).',
  );
});
