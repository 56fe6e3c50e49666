import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import type postgres from 'postgres';
import { type Backoff, backoffMs } from '../scheduling/backoff.ts';
import { cancellable } from './driver/cancellation.ts';
import { withoutReplayedErrors } from './driver/replayed-errors.ts';
import { withoutHoles } from './driver/sparse-results.ts';
import type { Guard } from './driver/statement.ts';
import { Transactions } from './driver/transactions.ts';
import { int8, shareValues } from './driver/values.ts';
import { withoutPipelining } from './driver/without-pipelining.ts';
import { AnswerTracker } from './link/answer-tracker.ts';
import { connect, type SessionOptions } from './session.ts';

export type Database = PostgresJsDatabase<Record<string, never>>;

/** The role of a pool's connections: each may do its part of the work and nothing else (see `roles.ts`). */
export type PoolRole = 'writer' | 'projector' | 'reader';

export interface Pool {
  readonly db: Database;
  /** Most connections, not counting those for transactions. */
  readonly size: number;
  /** Calls back when a connection has ended, for whatever reason. */
  onConnectionEnd(listener: () => void): void;
  /**
   * How long nothing that was asked here has been answered, in ms; 0 if all is well. A statement that Postgres is still
   * working on counts as answered. If nothing was asked recently, this asks something, and the next call knows the
   * result.
   */
  silentMs(): number;
  /** Waits for running statements at most `timeoutMs`, then cuts them off. */
  close(timeoutMs?: number): Promise<void>;
}

export interface PoolOptions extends SessionOptions {
  /** Most connections, not counting those for transactions; they are opened when needed. */
  readonly connections: number;
  /** How long a connection is kept after it was used, in seconds; as long as it lasts by default. */
  readonly idleS?: number;
  /**
   * Whether each connection keeps prepared statements; off behind poolers that do not support them (PgBouncer before
   * 1.21).
   */
  readonly prepare?: boolean;
  /**
   * Turn this off if a statement may have to wait long: the driver would send unrelated statements behind it on the
   * same connection, and they would wait too. On by default, except for statements that are cancellable.
   */
  readonly pipelining?: boolean;
  /**
   * Statements are cancelled together with the work that they belong to, see `driver/cancellation.ts`. Only for reads.
   * Off by default.
   */
  readonly cancellable?: boolean;
}

/** To find out whether a pool answers, it is asked something if it was not used for this long, in ms. */
export const ASK_AFTER_MS = 3000;
/**
 * A pool that has not answered for this long cannot do its work, in ms. Longer than it takes to see that a statement is
 * still running.
 */
export const SILENT_AFTER_MS = 8000;

const FOR_EVERYBODY: readonly Guard[] = [withoutHoles, withoutReplayedErrors];

function guardsFor({ cancellable: isCancellable, pipelining, connections }: PoolOptions): readonly Guard[] {
  // Outside of `cancellable`: a statement that is sent again does not wait again.
  if (isCancellable) return [...FOR_EVERYBODY, cancellable, withoutPipelining(connections)];
  return pipelining === false ? [...FOR_EVERYBODY, withoutPipelining(connections)] : FOR_EVERYBODY;
}

/** What is done in a transaction. */
export type TransactionWork = Parameters<Transactions['begin']>[0];

/** How long an idle connection is kept for the next transaction, in seconds. */
const TRANSACTION_IDLE_S = 10;

/**
 * While the server is away, each failed attempt to connect fails one waiting query. The driver would pause up to 20
 * seconds between attempts, and the last query would wait minutes for its error.
 */
export const CONNECT_AGAIN: Backoff = { firstMs: 20, maxMs: 250 };

/** Opens a pool behind Drizzle. The client is not exposed: Drizzle changes it, so nobody else can use it. */
export function openPool(options: PoolOptions): Pool {
  const listeners: (() => void)[] = [];
  const settings = {
    types: { int8 },
    prepare: options.prepare ?? true,
    backoff: (attempts) => backoffMs(attempts, CONNECT_AGAIN) / 1000,
  } satisfies postgres.Options<Record<string, postgres.PostgresType>>;
  const onclose = () => {
    for (const listener of listeners) listener();
  };
  const answers = new AnswerTracker();
  const session = { ...options, answers };
  const client = connect(
    session,
    { ...settings, max: options.connections, onclose, ...(options.idleS && { idle_timeout: options.idleS }) },
    guardsFor(options),
  );
  const transactions = new Transactions((onClose) => {
    const own = connect(
      session,
      { ...settings, max: 1, idle_timeout: TRANSACTION_IDLE_S, onclose: onClose },
      FOR_EVERYBODY,
    );
    shareValues(client, own);
    return own;
  });
  // The parts of a client that Drizzle uses.
  const { options: values, unsafe } = client;
  const guarded = { options: values, unsafe, begin: (work: TransactionWork) => transactions.begin(work) };
  return {
    db: drizzle({ client: guarded as unknown as postgres.Sql }) as Database,
    size: options.connections,
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
