// Upstream: https://github.com/porsager/postgres/issues/1154
// Upstream: https://github.com/porsager/postgres/issues/1208
// Upstream: https://github.com/porsager/postgres/issues/1216
import { sql } from 'drizzle-orm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openPool, type Pool } from '../../../src/database/client.ts';
import { isTransient } from '../../../src/database/transient.ts';
import { breakAtPoints, CRASHES, type Scenario } from '../../support/crash/crash-points.ts';
import { useCrashProxy } from '../../support/crash/crash-proxy.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ per: 'file' });
const openProxy = useCrashProxy();

function openOne(url = database.url): Pool {
  const pool = openPool({ url, connections: 1, applicationName: 'afterwrite transactions' });
  onTestFinished(() => pool.close());
  return pool;
}
const noted = async () => (await database.sql`select n from public.notes order by n`).map(({ n }) => n);
const backends = () =>
  database.sql`select pid from pg_stat_activity where datname = current_database() and application_name = 'afterwrite transactions'`;

describe('a transaction', () => {
  it.each(CRASHES)('is done whole or not at all, whichever message is %s and the %s dies', async (how, dies) => {
    await database.sql`drop table if exists public.notes`;
    await database.sql`create table public.notes (n int)`;
    const proxy = await openProxy(database);
    const { db } = openOne(proxy.url);
    const scenario: Scenario = {
      proxy,
      run: async (point) => {
        await database.sql`truncate public.notes`;
        await proxy.arm(point);
        const work = db.transaction(async (tx) => {
          await tx.execute(sql`insert into public.notes values (1)`);
          await tx.execute(sql`insert into public.notes values (2)`).catch(() => undefined);
          // Somebody else uses the pool meanwhile.
          await db.execute(sql`select 1`).catch(() => undefined);
          await tx.execute(sql`insert into public.notes values (3)`);
        });
        const failure = await work.then(
          () => undefined,
          (error: unknown) => error,
        );
        await proxy.mend();
        const left = await noted();
        if (failure === undefined) expect(left).toEqual([1, 2, 3]);
        else expect(isTransient(failure)).toBe(true);
        expect([[], [1, 2, 3]]).toContainEqual(left);
        await db.transaction((tx) => tx.execute(sql`insert into public.notes values (4)`));
        expect(await noted()).toEqual([...left, 4]);
      },
    };
    await breakAtPoints([scenario], how, dies, { messages: 10 });
  });

  it('of which a statement failed is not done, whether somebody cared or not', async () => {
    await database.sql`drop table if exists public.notes`;
    await database.sql`create table public.notes (n int)`;
    const { db } = openOne();
    const careless = db.transaction(async (tx) => {
      await tx.execute(sql`insert into public.notes values (1)`);
      await tx.execute(sql`select 1 / 0`).catch(() => undefined);
    });
    await expect(careless).rejects.toThrow(/rolled back/);
    expect(await noted()).toEqual([]);
  });

  it('goes back to a savepoint and on', async () => {
    await database.sql`drop table if exists public.notes`;
    await database.sql`create table public.notes (n int, at timestamptz)`;
    const { db } = openOne();
    await db.transaction(async (tx) => {
      await tx.execute(sql`insert into public.notes values (1, ${new Date(0).toISOString()})`);
      await expect(
        tx.transaction((inner) => inner.execute(sql`insert into public.notes values (1 / 0)`)),
      ).rejects.toThrow();
      await tx.transaction((inner) => inner.execute(sql`insert into public.notes values (2)`));
    });
    expect(await noted()).toEqual([1, 2]);
  });

  it('that stood still for too long is given up as if its connection were lost, and the next one is done', async () => {
    const pool = openPool({
      url: database.url,
      connections: 1,
      applicationName: 'afterwrite transactions',
      settings: { idle_in_transaction_session_timeout: '100' },
    });
    onTestFinished(() => pool.close());
    const ended = pool.db.transaction(async (tx) => {
      await tx.execute(sql`select 1`);
      await until(async () => (await backends()).length === 0);
      await tx.execute(sql`select 2`);
    });
    const failure = await ended.catch((error: unknown) => error);
    expect([failure, isTransient(failure)]).toEqual([expect.any(Error), true]);
    const again = await pool.db.transaction((tx) => tx.execute(sql`select 3 as n`));
    expect(again[0]).toEqual({ n: 3 });
  });

  it('is not done once the pool is closed', async () => {
    const pool = openOne();
    await pool.db.transaction((tx) => tx.execute(sql`select 1`));
    await pool.close();
    await expect(pool.db.transaction((tx) => tx.execute(sql`select 1`))).rejects.toMatchObject({
      code: 'CONNECTION_ENDED',
    });
    expect(await backends()).toEqual([]);
  });

  it('runs beside others, and leaves no connection when the pool is closed', async () => {
    const pool = openOne();
    await Promise.all(
      [1, 2, 3].map(() => pool.db.transaction(async (tx) => void (await tx.execute(sql`select pg_sleep(0.01)`)))),
    );
    expect((await backends()).length).toBe(3);
    await pool.close();
    await until(async () => (await backends()).length === 0);
  });
});
