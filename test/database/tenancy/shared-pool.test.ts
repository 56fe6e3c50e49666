import { sql } from 'drizzle-orm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cancelledBy, isCancelled } from '../../../src/database/driver/cancellation.ts';
import { openSharedPool, type SharedPool } from '../../../src/database/tenancy/shared-pool.ts';
import { isTransient } from '../../../src/database/transient.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { openTransactionPooler } from '../../support/postgres/transaction-pooler.ts';
import { testRandom } from '../../support/random.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ per: 'file' });

const NAME = 'afterwrite shared';
function open(url = database.url, options: { cancellable?: boolean; connections?: number } = {}): SharedPool {
  const pool = openSharedPool({ url, connections: 2, applicationName: NAME, ...options });
  onTestFinished(() => pool.close(1000));
  return pool;
}
const whose = sql`select current_setting('afterwrite.tenant', true) as tenant`;
const backends = () =>
  database.sql<
    { pid: number }[]
  >`select pid from pg_stat_activity where datname = current_database() and application_name = ${NAME}`;

describe('connections that tenants share', () => {
  it('send each statement as the tenant whose it is, however many wait for them', async () => {
    const pool = open();
    const tenants = ['acme', 'umbrella', 'initech'];
    const answers = await Promise.all(
      Array.from({ length: 300 }, async (_, n) => {
        const tenant = tenants[n % tenants.length] as string;
        const [row] = await pool.of(tenant).db.execute<{ tenant: string }>(whose);
        return row?.tenant === tenant;
      }),
    );
    expect(answers.filter((isRight) => isRight)).toHaveLength(300);
    expect(await backends()).toHaveLength(2);
  });

  it('send transactions as their tenant, next to statements of others', async () => {
    const pool = open();
    await Promise.all(
      Array.from({ length: 40 }, (_, n) => {
        const tenant = `tenant-${n % 3}`;
        return pool.of(tenant).db.transaction(async (tx) => {
          for (let nth = 0; nth < 3; nth++) {
            expect(await tx.execute(whose)).toEqual([{ tenant }]);
            expect(await pool.of('other').db.execute(whose)).toEqual([{ tenant: 'other' }]);
          }
        });
      }),
    );
  });

  it('are of nobody after a statement, whether it succeeded or failed', async () => {
    const pool = open(database.url, { connections: 1 });
    const { db } = pool.of('acme');
    await db.execute(whose);
    await expect(db.execute(sql`select 1 / 0`)).rejects.toThrow();
    await expect(db.transaction((tx) => tx.execute(sql`select 1 / 0`))).rejects.toThrow();
    expect(await pool.of('umbrella').db.execute(whose)).toEqual([{ tenant: 'umbrella' }]);
    expect(
      await database.sql`select state from pg_stat_activity where application_name = ${NAME} and state like '%transaction%'`,
    ).toEqual([]);
  });

  it('send a statement that fails, breaks a rule at the end, or has no rows, and then the next, as whose they are', async () => {
    await database.sql`create table if not exists public.pairs (
      n int primary key, other int references public.pairs deferrable initially deferred)`;
    const pool = open(database.url, { connections: 1 });
    for (const prepared of [1, 2, 3]) {
      const { db } = pool.of(`tenant-${prepared}`);
      await expect(db.execute(sql`select * from public.missing where n = ${prepared}`)).rejects.toThrow();
      await expect(db.execute(sql`select ${prepared}::int / 0`)).rejects.toThrow();
      await expect(db.execute(sql`insert into public.pairs values (${prepared}, 9)`)).rejects.toThrow();
      expect(await db.execute(sql`select n from public.pairs where n = ${prepared}`)).toEqual([]);
      expect(await db.execute(whose)).toEqual([{ tenant: `tenant-${prepared}` }]);
    }
  });

  it('answer the same whatever pieces the rows arrive in', async () => {
    const { db } = open().of('acme');
    for (const bytes of [1, 8000, 8187, 8192, 70_000, 1_000_000]) {
      const rows = await db.execute<{ text: string; tenant: string }>(sql`
        select repeat('x', ${bytes}) as text, current_setting('afterwrite.tenant', true) as tenant from generate_series(1, 3)`);
      expect(rows.map(({ text, tenant }) => [text.length, tenant])).toEqual(Array(3).fill([bytes, 'acme']));
    }
  });

  it('are right without prepared statements', async () => {
    const pool = openSharedPool({ url: database.url, connections: 1, applicationName: NAME, prepare: false });
    onTestFinished(() => pool.close(1000));
    for (const tenant of ['acme', 'umbrella', 'acme']) {
      expect(
        await pool.of(tenant).db.execute(sql`select ${tenant} = current_setting('afterwrite.tenant', true) as is_own`),
      ).toEqual([{ is_own: true }]);
    }
  });

  it('take a tenant’s name as a text, whatever is in it', async () => {
    const name = `o'hara"; set role postgres; --`;
    expect(await open().of(name).db.execute(whose)).toEqual([{ tenant: name }]);
  });

  it('commit what a statement has written before they answer, or nothing', async () => {
    await database.sql`create table if not exists public.marks (n int, tenant text default current_setting('afterwrite.tenant', true))`;
    const { db } = open().of('acme');
    await db.execute(sql`insert into public.marks (n) values (1)`);
    expect(await database.sql`select n, tenant from public.marks`).toEqual([{ n: 1, tenant: 'acme' }]);
    await expect(
      db.execute(sql`insert into public.marks (n) select 1 / (2 - n) from generate_series(1, 2) n`),
    ).rejects.toThrow();
    expect(await database.sql`select n from public.marks`).toHaveLength(1);
  });

  it('never answer as somebody else when connections break at any moment', async () => {
    const random = testRandom();
    const pool = open(database.url, { connections: 3 });
    let [isOver, answered, broken] = [false, 0, 0];
    const ask = async (tenant: string) => {
      while (!isOver) {
        try {
          const [row] = await pool.of(tenant).db.execute<{ tenant: string }>(whose);
          expect(row).toEqual({ tenant });
          answered++;
        } catch (error) {
          if (!isTransient(error)) throw error;
          broken++;
        }
      }
    };
    const asking = Promise.all(['acme', 'umbrella', 'initech', 'hooli'].map(ask));
    while (broken < 12) {
      const pids = await backends();
      if (pids.length > 0) await database.sql`select pg_terminate_backend(${random.pick(pids).pid})`;
      const before = answered;
      await until(() => answered > before);
    }
    isOver = true;
    await asking;
  });

  it('cancel a statement with the work that it belongs to, and no other', async () => {
    const pool = open(database.url, { cancellable: true, connections: 1 });
    const controller = new AbortController();
    const asked = (tenant: string, statement: ReturnType<typeof sql>) =>
      cancelledBy({ signal: controller.signal }, async () => {
        return await pool.of(tenant).db.execute(statement);
      }).catch((error: unknown) => error);
    const slow = asked('acme', sql`select pg_sleep(30)`);
    const waiting = asked('acme', whose);
    const others = pool.of('umbrella').db.execute(whose);
    await until(
      async () =>
        (
          await database.sql`select from pg_stat_activity where application_name = ${NAME} and query like '%pg_sleep%' and state = 'active'`
        ).length > 0,
    );
    controller.abort();
    expect(isCancelled(await slow)).toBe(true);
    expect(isCancelled(await waiting)).toBe(true);
    expect(await others).toEqual([{ tenant: 'umbrella' }]);
  });

  it.each(['statements', 'transactions'])(
    'are left to others by a tenant with many slow %s of many callers',
    async (kind) => {
      const pool = open(database.url, { connections: 3 });
      const controller = new AbortController();
      const { db } = pool.of('acme');
      const slow = sql`select pg_sleep(30)`;
      const asked = Array.from({ length: 20 }, (_, nth) =>
        cancelledBy({ signal: controller.signal, caller: `acme/${nth}` }, async () =>
          kind === 'statements' ? await db.execute(slow) : await db.transaction((tx) => tx.execute(slow)),
        ).catch(() => undefined),
      );
      const running = async () =>
        (
          await database.sql<{ pid: number }[]>`
          select pid from pg_stat_activity where application_name = ${NAME} and query like '%pg_sleep%' and state = 'active'`
        ).map(({ pid }) => pid);
      await until(async () => (await running()).length === 2);
      for (const tenant of ['umbrella', 'initech']) {
        const others = pool.of(tenant).db;
        const ask = kind === 'statements' ? others.execute(whose) : others.transaction((tx) => tx.execute(whose));
        expect(await ask).toEqual([{ tenant }]);
      }
      expect(await running()).toHaveLength(2);
      const ended = pool.close(0);
      for (const pid of await running()) await database.sql`select pg_terminate_backend(${pid})`;
      await Promise.all([ended, ...asked]);
    },
  );

  it('are not confused by a pooler that gives each transaction another connection', async () => {
    const url = await openTransactionPooler(database.url);
    const pool = open(url, { connections: 4 });
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, n) => {
        const tenant = `tenant-${n % 5}`;
        return [tenant, await pool.of(tenant).db.execute(whose)] as const;
      }),
    );
    for (const [tenant, rows] of answers) expect(rows).toEqual([{ tenant }]);
  });
});
