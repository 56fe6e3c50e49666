// Upstream: https://github.com/porsager/postgres/issues/747
// Upstream: https://github.com/porsager/postgres/issues/970
import { sql } from 'drizzle-orm';
import { expect, it, onTestFinished } from 'vitest';
import { openPool } from '../../../src/database/client.ts';
import { cancelledBy } from '../../../src/database/driver/cancellation.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ per: 'emptied' });

it('a statement that waits for a connection is sent when the one before it is lost with its connection', async () => {
  const applicationName = 'unpipelined test';
  const pool = openPool({ url: database.url, connections: 1, applicationName, pipelining: false });
  onTestFinished(() => pool.close(0));
  for (let round = 0; round < 5; round++) {
    const torn = pool.db.execute(sql`select pg_sleep(60)`).then(
      () => 'slept',
      () => 'torn',
    );
    const waiting = Promise.all([1, 2, 3].map((n) => pool.db.execute(sql`select ${n}::int as n`)));
    await until(async () => {
      const ended = await database.sql`select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = ${applicationName} and query like '%pg_sleep%' and state = 'active'`;
      return ended.length > 0;
    });
    expect(await torn).toBe('torn');
    expect((await waiting).flat()).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  }
});

it('a statement does not wait behind one that waits for a lock while another connection is free', async () => {
  const pool = openPool({ url: database.url, connections: 2, applicationName: 'unpipelined test', pipelining: false });
  onTestFinished(() => pool.close(0));
  const lock = await database.sql.reserve();
  onTestFinished(() => lock.release());
  await lock`select pg_advisory_lock(1)`;
  const waiting = pool.db.execute(sql`select pg_advisory_lock(1)`);
  const others = Array.from({ length: 20 }, (_, n) => pool.db.execute(sql`select ${n}::int as n`));
  expect((await Promise.all(others)).flat()).toEqual(Array.from({ length: 20 }, (_, n) => ({ n })));
  await lock`select pg_advisory_unlock(1)`;
  await waiting;
});

it('statements of one caller leave a connection to others, who need not wait for any of these', async () => {
  const applicationName = 'fair test';
  const pool = openPool({ url: database.url, connections: 4, applicationName, pipelining: false });
  onTestFinished(() => pool.close(0));
  const done: string[] = [];
  const ask = (caller: string, name: string, statement = sql`select`) =>
    cancelledBy({ signal: undefined, caller }, async () => {
      await pool.db.execute(statement);
      done.push(name);
    });
  const locked = sql`select pg_advisory_lock_shared(7), pg_advisory_unlock_shared(7)`;
  await database.sql.begin(async (holder) => {
    await holder`select pg_advisory_xact_lock(7)`;
    for (let n = 0; n < 8; n++) void ask('greedy', 'greedy', locked);
    const waits = () => holder`select from pg_locks where locktype = 'advisory' and objid = 7 and not granted`;
    await until(async () => (await waits()).length === 3);
    // The fourth connection is free.
    await ask('modest', 'modest');
    expect(done).toEqual(['modest']);
  });
  await until(async () => done.length === 9);
});

it('tells whose work it is how long each statement has taken, without the wait for a connection', async () => {
  const pool = openPool({ url: database.url, connections: 1, applicationName: 'timed test', pipelining: false });
  onTestFinished(() => pool.close(0));
  const ask = async (statement: string) => {
    const times: number[] = [];
    const asked = { signal: undefined, worked: (ms: number) => void times.push(ms) };
    await cancelledBy(asked, async () => {
      await pool.db.execute(sql.raw(statement)).catch(() => undefined);
    });
    return times;
  };
  await ask('select');
  const [slow = [], waiting = []] = await Promise.all([ask('select pg_sleep(0.5)'), ask('select')]);
  expect([slow.length, waiting.length]).toEqual([1, 1]);
  expect(slow[0]).toBeGreaterThan(490);
  // It has waited for half a second.
  expect(waiting[0]).toBeLessThan(slow[0] ?? 0);
  const failed = await ask('select 1 / 0');
  expect(failed).toHaveLength(1);
});

it('shares the time of statements that wait together, and counts none that somebody else has ended', async () => {
  const applicationName = 'shared time test';
  const pool = openPool({ url: database.url, connections: 4, applicationName, pipelining: false });
  onTestFinished(() => pool.close(0));
  const ask = async (caller: string, statement: string) => {
    const times: number[] = [];
    const asked = { signal: undefined, caller, worked: (ms: number) => void times.push(ms) };
    await cancelledBy(asked, () => pool.db.execute(sql.raw(statement)).catch(() => undefined));
    return times;
  };
  const began = performance.now();
  const [[ada = Number.NaN], [bob = Number.NaN]] = await Promise.all(
    ['ada', 'bob'].map((caller) => ask(caller, 'select pg_sleep(0.5)')) as [Promise<number[]>, Promise<number[]>],
  );
  expect(ada + bob).toBeGreaterThan(490);
  expect(ada + bob).toBeLessThanOrEqual(performance.now() - began);
  for (const end of ['pg_cancel_backend', 'pg_terminate_backend']) {
    const ended = ask('ada', 'select pg_sleep(60)');
    await until(async () => {
      const found = await database.sql`select ${database.sql.unsafe(end)}(pid) from pg_stat_activity
        where application_name = ${applicationName} and query like '%pg_sleep(60)%' and state = 'active'`;
      return found.length > 0;
    });
    expect(await ended).toEqual([]);
  }
});
