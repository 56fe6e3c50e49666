import { AsyncLocalStorage } from 'node:async_hooks';
import { later, type Timer } from '../../scheduling/timers.ts';
import { rootOf } from '../errors.ts';
import { SILENT } from '../link/errors.ts';
import type { Signal } from '../signal.ts';
import { cancel, type Guard, intercept, type Statement } from './statement.ts';

/** Time between two attempts to cancel a statement that waits behind another one on its connection, in ms. */
const AGAIN_MS = 25;
/**
 * Time between two attempts to open a connection for a statement if the database allows no more of them, in ms. Another
 * connection of the pool may become free meanwhile.
 */
const FULL_AGAIN_MS = 100;
/** Most such attempts of a statement: about three seconds. */
const FULL_ATTEMPTS = 30;
/** The code of a session that was refused because there are too many. */
const TOO_MANY_CONNECTIONS = '53300';
/** The code of a statement that was cancelled or exceeded its time limit. */
const QUERY_CANCELED = '57014';

/** Work whose statements are cancelled with its signal. */
export interface Cancellation {
  /** Undefined while it cannot be cancelled. */
  readonly signal: Signal | undefined;
  /** Whose statements these are: callers share the connections. */
  readonly caller?: string | undefined;
  /** Called when Postgres has answered, before the work continues. */
  readonly onAnswer?: (() => void) | undefined;
  /**
   * Told how long Postgres has worked on a statement, in ms, weighted by the caller's share of the statements in progress:
   * what keeps everybody waiting is not theirs alone. Neither waiting for a connection is counted, nor a statement that
   * was lost with its connection or ended by somebody else.
   */
  worked?(ms: number): void;
}

const current = new AsyncLocalStorage<Cancellation | undefined>();

/**
 * Runs work whose statements are cancelled, on pools that are {@link cancellable}, when the signal is aborted that it
 * has at the time of the statement. With undefined nothing is cancelled: for statements that several callers share.
 */
export function cancelledBy<T>(cancellation: Cancellation | undefined, work: () => T): T {
  return current.run(cancellation, work);
}

/** The work whose statements are sent now; undefined if they belong to no caller, or to several. */
export function currentWork(): Cancellation | undefined {
  return current.getStore();
}

/** True for the error of a statement that was cancelled, or that exceeded `statement_timeout`. */
export function isCancelled(error: unknown): boolean {
  return rootOf(error).code === QUERY_CANCELED;
}

/**
 * True for the error of a statement that Postgres has worked on until it failed, or until its own signal or time limit
 * ended it. False if its connection was lost or refused, or if somebody else's request has cancelled it.
 */
export function isAnswer(error: unknown, signal: Signal | undefined): boolean {
  return rootOf(error).severity === 'ERROR' && (signal?.aborted === true || !isAnothers(error));
}

/**
 * Cancels statements with the signal of {@link cancelledBy}. Only for statements that may be repeated.
 *
 * Postgres cancels whatever a connection is executing, which may already be the next statement. A statement that nobody
 * wanted to cancel is sent again. If a statement is cancelled while it waits behind another one on its connection, the
 * driver would send the cancel request at once, and Postgres would cancel the other one. Such a statement is cancelled
 * when its turn has come.
 *
 * A statement for which no connection could be opened, because the database allows no more of them, waits and is sent again.
 *
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS
 *
 * No upstream issue is known.
 */
export const cancellable: Guard = (unguarded) => {
  /** Statements that are sent again because no answer came, by their arguments. */
  const repeated = new WeakSet<unknown[]>();
  /** How often a connection was refused to statements that wait for one, by their arguments. */
  const refusals = new WeakMap<unknown[], number>();
  const ask = (asked: unknown[]): Statement => {
    const cancellation = current.getStore();
    const signal = cancellation?.signal;
    const statement = unguarded(...asked);
    let timer: Timer | undefined;
    let isOver = false;
    const cancelSoon = () => {
      if (statement.state && !statement.active) {
        timer = later(AGAIN_MS, cancelSoon, { keepsProcess: false });
        return;
      }
      // If that fails, the statement's own time limit ends it.
      cancel(statement).catch(() => undefined);
    };
    const settled = () => {
      timer?.cancel();
      signal?.removeEventListener('abort', cancelSoon);
    };
    const driver = intercept(statement, {
      handler: (sent) => {
        // The driver calls this when somebody awaits the result.
        signal?.addEventListener('abort', cancelSoon, { once: true });
        if (signal?.aborted) {
          cancelSoon();
          return undefined;
        }
        return driver.handler(sent);
      },
      resolve: (result) => {
        // If a statement was lost with its connection, the driver resolves it with nothing once the next connection is
        // ready.
        if (isOver) return;
        settled();
        cancellation?.onAnswer?.();
        driver.resolve(result);
      },
      reject: (error) => {
        isOver = true;
        settled();
        const isSilent = isSilence(error) && !repeated.has(asked);
        const refused = (refusals.get(asked) ?? 0) + 1;
        const isRefused = refused <= FULL_ATTEMPTS && rootOf(error).code === TOO_MANY_CONNECTIONS;
        if (signal?.aborted || !(isSilent || isRefused || isAnothers(error))) return driver.reject(error);
        if (isSilent) repeated.add(asked);
        const sendAgain = () => {
          const again = current.run({ signal }, () => ask(asked));
          (statement.isRaw ? again.values() : again).then(driver.resolve, driver.reject);
        };
        if (!isRefused) return sendAgain();
        refusals.set(asked, refused);
        later(FULL_AGAIN_MS, sendAgain, { keepsProcess: false });
      },
    });
    return statement;
  };
  return (...asked) => ask(asked);
};

/** The connection was given up, see `link/answer-watch.ts`: a read may be sent once more, on another one. */
function isSilence(error: unknown): boolean {
  return rootOf(error).code === SILENT;
}

/** Cancelled by somebody else's request, not by the time limit. */
function isAnothers(error: unknown): boolean {
  return isCancelled(error) && /user request/.test(rootOf(error).message);
}
