// No upstream issue is known.
import { sql } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { cancelledBy, isCancelled } from '../../../src/database/driver/cancellation.ts';
import { useCancellablePool } from '../../support/postgres/cancellable-pool.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ per: 'emptied' });
const pool = useCancellablePool(database, 'cancellation test');
const ask = (signal: AbortSignal, statement = sql`select pg_sleep(60)`) =>
  cancelledBy({ signal }, () => Promise.resolve(pool.db.execute(statement))).then(
    (rows) => rows,
    (error: unknown) => (isCancelled(error) ? 'cancelled' : error),
  );

describe('a statement whose caller has given up', () => {
  it('is cancelled in Postgres', async () => {
    const caller = new AbortController();
    const answer = ask(caller.signal);
    await until(async () => (await pool.running()) === 1);
    caller.abort();
    expect(await answer).toBe('cancelled');
    await until(async () => (await pool.running()) === 0);
  });

  it('is not sent if the caller had given up before', async () => {
    expect(await ask(AbortSignal.abort(), sql`select 1 / 0`)).toBe('cancelled');
  });

  it('is not sent if it was waiting for a connection', async () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const sleeping = ask(first.signal);
    await until(async () => (await pool.running()) === 1);
    const waiting = Array.from({ length: 150 }, () => ask(second.signal));
    second.abort();
    first.abort();
    expect(new Set(await Promise.all([sleeping, ...waiting]))).toEqual(new Set(['cancelled']));
    expect(await pool.db.execute(sql`select 7 as n`)).toEqual([{ n: 7 }]);
  });

  it('leaves those that were sent behind it on the same connection their own answers', async () => {
    for (let round = 0; round < 20; round++) {
      const [sleeper, quitter, other] = [new AbortController(), new AbortController(), new AbortController()];
      const sleeping = ask(sleeper.signal);
      const before = ask(other.signal, sql`select ${round}::int as n, 'before' as place`);
      const given = ask(quitter.signal, sql`select ${round}::int as n, 'given up' as place`);
      const after = ask(other.signal, sql`select ${round}::int as n, 'after' as place`);
      await until(async () => (await pool.running()) === 1);
      quitter.abort();
      sleeper.abort();
      expect(await sleeping).toBe('cancelled');
      expect(await before).toEqual([{ n: round, place: 'before' }]);
      expect(await after).toEqual([{ n: round, place: 'after' }]);
      expect([given && (await given)]).toSatisfy(([answer]: unknown[]) =>
        answer === 'cancelled' ? true : JSON.stringify(answer) === JSON.stringify([{ n: round, place: 'given up' }]),
      );
    }
  });
});

it('a statement that was cancelled in place of another one is asked again', async () => {
  const answer = ask(new AbortController().signal, sql`select pg_sleep(0.5), 1 as n`);
  await until(async () => {
    const cancelled = await database.sql`select pg_cancel_backend(pid) from pg_stat_activity
      where application_name = 'cancellation test' and state = 'active'`;
    return cancelled.length > 0;
  });
  expect(await answer).toEqual([{ pg_sleep: '', n: 1 }]);
});

it('statements that belong to several callers are not cancelled', async () => {
  const caller = new AbortController();
  const answer = cancelledBy(caller, () =>
    cancelledBy(undefined, () => pool.db.execute(sql`select pg_sleep(0.2), 1 as n`)),
  );
  caller.abort();
  expect(await answer).toEqual([{ pg_sleep: '', n: 1 }]);
});
