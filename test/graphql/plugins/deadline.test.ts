import { sql } from 'drizzle-orm';
import type { ExecutionResult } from 'graphql';
import { describe, expect, it } from 'vitest';
import { isCancelled } from '../../../src/database/driver/cancellation.ts';
import type { Signal } from '../../../src/database/signal.ts';
import type { Context } from '../../../src/graphql/context.ts';
import { OperationTimeoutError } from '../../../src/graphql/errors.ts';
import { useDeadline } from '../../../src/graphql/plugins/deadline.ts';
import { RunningOperation } from '../../../src/graphql/running-operation.ts';
import { useCancellablePool } from '../../support/postgres/cancellable-pool.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ per: 'emptied' });
const LONG = 60_000;
const pool = useCancellablePool(database, 'deadline test');

type Messages = AsyncIterableIterator<ExecutionResult>;
type Subscribe = () => Promise<Messages>;
interface Hooks {
  onSubscribe(options: { args: object; subscribeFn: Subscribe; setSubscribeFn(own: Subscribe): void }): void;
}

/** A subscription whose messages sleep that long in Postgres, as it passes the plugin. The caller has no signal. */
async function subscription(timeoutMs: number, seconds: readonly number[]) {
  const operation = new RunningOperation(undefined, undefined);
  const context: Pick<Context, 'operation' | 'opening'> = { operation, opening: undefined };
  const ended: string[] = [];
  const signals: (Signal | undefined)[] = [];
  const left = [...seconds];
  const source: Messages = {
    next: async () => {
      const length = left.shift();
      if (length === undefined) return { value: undefined, done: true };
      operation.beginMessage();
      signals.push(operation.signal);
      try {
        await pool.db.execute(sql`select pg_sleep(${length})`);
        ended.push('answered');
      } catch (error) {
        ended.push(isCancelled(error) ? 'cancelled' : String(error));
      }
      return { value: { data: { slept: length } }, done: false };
    },
    return: async () => ({ value: undefined, done: true }),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
  let own: Subscribe = async () => source;
  const plugin = useDeadline(timeoutMs) as unknown as Hooks;
  plugin.onSubscribe({
    args: { contextValue: context },
    subscribeFn: own,
    setSubscribeFn: (wrapped) => {
      own = wrapped;
    },
  });
  return { messages: await own(), ended, signals, operation };
}

describe('a message of a subscription that takes too long', () => {
  it('is answered TIMEOUT, its statement is cancelled, and the subscription goes on', async () => {
    const { messages, ended } = await subscription(200, [60, 0]);
    const { value } = await messages.next();
    expect(value.errors).toEqual([expect.any(OperationTimeoutError)]);
    expect(await messages.next()).toEqual({ value: { data: { slept: 0 } }, done: false });
    expect(ended).toEqual(['cancelled', 'answered']);
  });
});

describe('a subscription that its client ends', () => {
  it('takes the statement of the message under way with it', async () => {
    const { messages, ended, signals, operation } = await subscription(LONG, [60]);
    const message = messages.next();
    await until(async () => (await pool.running()) === 1);
    await messages.return?.();
    await message;
    expect([ended, signals[0]?.aborted, operation.signal]).toEqual([['cancelled'], true, undefined]);
    await until(async () => (await pool.running()) === 0);
  });
});

describe('a client that goes away while its subscription is opened', () => {
  it('takes the statements for that with it', async () => {
    const gone = new AbortController();
    const asleep: Subscribe = async () => {
      await pool.db.execute(sql`select pg_sleep(60)`);
      throw new Error('It slept.');
    };
    let own = asleep;
    const plugin = useDeadline(LONG) as unknown as Hooks;
    plugin.onSubscribe({
      args: { contextValue: { operation: new RunningOperation(undefined, undefined), opening: gone.signal } },
      subscribeFn: asleep,
      setSubscribeFn: (wrapped) => {
        own = wrapped;
      },
    });
    const opened = own().catch((error: unknown) => (isCancelled(error) ? 'cancelled' : error));
    await until(async () => (await pool.running()) === 1);
    gone.abort();
    expect(await opened).toBe('cancelled');
  });
});
