import type { SQL } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import type postgres from 'postgres';
import { cancellable } from './cancellation.ts';
import { withoutDriverFaults } from './driver/driver-faults.ts';
import { Transactions } from './driver/transactions.ts';
import { unpipelined } from './driver/unpipelined.ts';
import { Answers } from './link/answers.ts';
import { connect, type Session } from './session.ts';

export type Database = PostgresJsDatabase<Record<string, never>>;

/** The role that a pool's connections take: each may do its part of the work and nothing else (see `roles.ts`). */
export type PoolRole = 'writer' | 'projector' | 'reader';

export interface Pool {
  readonly db: Database;
  /** Calls back when a connection has ended, whoever ended it. */
  onConnectionEnd(listener: () => void): void;
  /**
   * For how long nothing that was asked here has been answered, in ms; 0 if all is well. A statement that Postgres is at work on
   * counts as answered. If nothing was asked lately, something is asked, and the next call knows what came of it.
   */
  silentMs(): number;
  /** Waits for running statements at most `timeoutMs`, then cuts them off. */
  close(timeoutMs?: number): Promise<void>;
}

export interface PoolOptions extends Session {
  /** Connections at most, but for those of transactions; they are opened as they are needed. */
  readonly connections: number;
  /** Prepared statements are kept for each connection; off behind poolers that cannot (PgBouncer before 1.21). */
  readonly prepare?: boolean;
  /**
   * Off where one statement may have to wait long: the driver would send others behind it on the same connection, which wait too,
   * although they have nothing to do with what it waits for. On unless told.
   */
  readonly pipelining?: boolean;
  /** Statements are cancelled with the work that they belong to, see `cancellation.ts`: only for reads. Off unless told. */
  readonly cancellable?: boolean;
  readonly onNotice?: (message: string) => void;
}

/** Postgres' int8 arrives as a string; positions and minor units stay below 2^53. */
const int8 = { to: 20, from: [20], serialize: (value: number) => String(value), parse: (text: string) => Number(text) };

/** A pool that was not used for so long is asked something when it is to be known whether it answers, in ms. */
const ASK_AFTER_MS = 3000;
/** A pool that has not answered for so long cannot do its work: longer than it takes to see that a statement is at work, in ms. */
export const SILENT_AFTER_MS = 8000;

/** How long a connection that was used for a transaction waits for the next one, in seconds. */
const TRANSACTION_IDLE_S = 10;

/**
 * Opens a pool behind Drizzle. The client is not given out: Drizzle changes the serialisers of the one that it gets, so
 * that it must not be shared with raw use.
 */
export function openPool(options: PoolOptions): Pool {
  const listeners: (() => void)[] = [];
  const settings = {
    types: { int8 },
    prepare: options.prepare ?? true,
    // While the server is away each failed attempt to connect fails one waiting query. The driver would wait up to 20 seconds
    // between them, and who came last would wait for minutes to hear that there is no database.
    backoff: (attempts) => Math.min(0.25, 2 ** attempts / 100),
    onnotice: (notice) => options.onNotice?.(notice.message ?? ''),
  } satisfies postgres.Options<Record<string, postgres.PostgresType>>;
  const onclose = () => {
    for (const listener of listeners) listener();
  };
  const answers = new Answers();
  const session = { ...options, answers };
  const opened = withoutDriverFaults(connect(session, { ...settings, max: options.connections, onclose }));
  const client = options.cancellable
    ? cancellable(opened)
    : options.pipelining === false
      ? unpipelined(opened, options.connections)
      : opened;
  const transactions = new Transactions((onClose) => {
    const own = connect(session, { ...settings, max: 1, idle_timeout: TRANSACTION_IDLE_S, onclose: onClose });
    // As Drizzle has set them.
    Object.assign(own.options.parsers, client.options.parsers);
    Object.assign(own.options.serializers, client.options.serializers);
    return withoutDriverFaults(own);
  });
  client.begin = ((work: Parameters<Transactions['begin']>[0]) => transactions.begin(work)) as never;
  return {
    db: drizzle({ client }) as Database,
    silentMs: () => {
      if (!answers.isWaiting && answers.lastAnswerMs > ASK_AFTER_MS) {
        client.unsafe('select 1').catch(() => undefined);
      }
      return answers.silentMs;
    },
    onConnectionEnd: (listener) => {
      listeners.push(listener);
    },
    close: async (timeoutMs = 5000) => {
      await Promise.all([client.end({ timeout: timeoutMs / 1000 }), transactions.close(timeoutMs)]);
    },
  };
}

const dialect = new PgDialect();

/**
 * A statement that every connection prepares once: one round trip and no planning afterwards. Drizzle prepares only what
 * comes out of its query builder; this does the same for hand-written SQL.
 *
 * @param template SQL with `sql.placeholder('name')` where parameters go.
 */
export function prepared<Row>(
  db: Database,
  name: string,
  template: SQL,
): (parameters: Record<string, unknown>) => Promise<Row[]> {
  const query = db._.session.prepareQuery<{ execute: Row[]; all: unknown; values: unknown }>(
    dialect.sqlToQuery(template),
    undefined,
    name,
    false,
  );
  return (parameters) => query.execute(parameters);
}
