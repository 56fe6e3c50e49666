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
