import { drizzle } from 'drizzle-orm/postgres-js';
import type postgres from 'postgres';
import { backoffMs } from '../../scheduling/backoff.ts';
import { GroupPlaces } from '../../scheduling/group-places.ts';
import {
  ASK_AFTER_MS,
  CONNECT_AGAIN,
  type Database,
  type Pool,
  type PoolOptions,
  type TransactionWork,
} from '../client.ts';
import { cancellable } from '../driver/cancellation.ts';
import { withoutHoles } from '../driver/sparse-results.ts';
import { type Ask, type Guard, guard } from '../driver/statement.ts';
import { Transactions } from '../driver/transactions.ts';
import { int8, shareValues } from '../driver/values.ts';
import { withoutPipelining } from '../driver/without-pipelining.ts';
import { AnswerTracker } from '../link/answer-tracker.ts';
import type { CurrentPrefix, StatementPrefix } from '../link/statement-prefix.ts';
import { connect } from '../session.ts';
import { boundStatements } from './bound-statements.ts';
import { beginFor, prefixFor } from './tenant-setting.ts';

/** Connections that tenants share. */
export interface SharedPool {
  /** The pool as a tenant sees it. Closing it closes no connection. */
  of(tenant: string): Pool;
  /** Waits for running statements at most `timeoutMs`, then cuts them off. */
  close(timeoutMs?: number): Promise<void>;
}

/** Whose a statement is. */
interface Whose {
  readonly tenant: string;
  readonly prefix: StatementPrefix;
}

/** How long an idle connection is kept, in seconds. */
const IDLE_S = 60;

/**
 * Opens connections that tenants share. Every statement is executed in a transaction that first sets whose it is, in the same round
 * trip. On these connections nothing else is ever sent: there is no way to ask Postgres anything without a tenant.
 *
 * Tenants take turns. However many statements one of them has, and however long these take, connections are left for the others. As
 * many connections again are for transactions of several statements, which may wait for locks.
 */
export function openSharedPool(options: PoolOptions): SharedPool {
  const answers = new AnswerTracker();
  const listeners = new Set<() => void>();
  const settings = {
    types: { int8 },
    prepare: options.prepare ?? true,
    max: 1,
    idle_timeout: IDLE_S,
    backoff: (attempts) => backoffMs(attempts, CONNECT_AGAIN) / 1000,
  } satisfies postgres.Options<Record<string, postgres.PostgresType>>;
  const open = (onclose: () => void, prefix?: CurrentPrefix) =>
    connect({ ...options, answers, prefix }, { ...settings, onclose }, [withoutHoles]);
  // Never connects: Drizzle changes how it reads and writes values, and the others do it likewise.
  const values = open(() => undefined);
  const transactions = new Transactions((onClose, prefix) => {
    const own = open(() => {
      onClose();
      for (const listener of listeners) listener();
    }, prefix);
    shareValues(values, own);
    return own;
  });
  const places = new GroupPlaces(options.connections);
  const single = boundStatements((whose, ...statement) => transactions.single((whose as Whose).prefix, ...statement));
  const { unsafe: ask } = guard({ unsafe: single }, guardsFor(options, places)) as { unsafe: Ask };
  const transactionPlaces = new GroupPlaces(options.connections);
  const poolOf = (tenant: string): Pool => {
    const begin = beginFor(tenant);
    const whose: Whose = { tenant, prefix: prefixFor(tenant) };
    const inTransaction = transactionPlaces.of(tenant);
    const own: (() => void)[] = [];
    const client = {
      options: values.options,
      unsafe: (...asked: unknown[]) => ask(whose, ...asked),
      begin: async (work: TransactionWork) => {
        await new Promise<void>((resolve) => inTransaction.acquire(undefined, resolve));
        try {
          return await transactions.begin(work, begin);
        } finally {
          inTransaction.release(undefined);
        }
      },
    };
    return {
      db: drizzle({ client: client as unknown as postgres.Sql }) as Database,
      size: options.connections,
      silentMs: () => {
        if (!answers.isWaiting && answers.lastAnswerMs > ASK_AFTER_MS) {
          Promise.resolve(ask(whose, 'select 1')).catch(() => undefined);
        }
        return answers.silentMs;
      },
      onConnectionEnd: (listener) => {
        own.push(listener);
        listeners.add(listener);
      },
      close: async () => {
        for (const listener of own) listeners.delete(listener);
      },
    };
  };
  return {
    of: poolOf,
    close: async (timeoutMs = 5000) => {
      await Promise.all([values.end({ timeout: 0 }), transactions.close(timeoutMs)]);
    },
  };
}

function guardsFor({ cancellable: isCancellable, connections }: PoolOptions, places: GroupPlaces): readonly Guard[] {
  const taking = withoutPipelining(connections, ([whose]) => places.of((whose as Whose).tenant));
  return isCancellable ? [cancellable, taking] : [taking];
}
