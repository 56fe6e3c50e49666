import { AsyncLocalStorage } from 'node:async_hooks';
import { rootOf } from '../errors.ts';
import { SILENT } from '../link/errors.ts';
import type { Guard, Statement } from './statement.ts';

/** Between two attempts to cancel a statement that waits behind another one on its connection, in ms. */
const AGAIN_MS = 25;
/** What Postgres and the driver say of a statement that was cancelled, and Postgres of one that took too long. */
const QUERY_CANCELED = '57014';

/** Work whose statements are cancelled with its signal. */
export interface Cancellation {
  /** Undefined as long as it cannot be cancelled. */
  readonly signal: AbortSignal | undefined;
  /** Called when an answer of Postgres has come, before the work goes on with it. */
  readonly onAnswer?: (() => void) | undefined;
}

const current = new AsyncLocalStorage<Cancellation | undefined>();

/**
 * Runs work whose statements, on pools that are {@link cancellable}, are cancelled when the signal is aborted that it has when they
 * are asked. Undefined: none is, for statements that several callers have in common.
 */
export function cancelledBy<T>(cancellation: Cancellation | undefined, work: () => T): T {
  return current.run(cancellation, work);
}

/** True for the error of a statement that was cancelled, or that took longer than `statement_timeout`. */
export function isCancelled(error: unknown): boolean {
  return rootOf(error).code === QUERY_CANCELED;
}

/**
 * Cancels statements with the signal of {@link cancelledBy}. Only for statements that may be asked again.
 *
 * Postgres cancels what a connection does at the moment, which may be the next statement already. One that nobody wanted to be
 * cancelled is asked again. If a statement is cancelled while it waits behind another one on its connection, the driver sends the
 * request at once, and Postgres cancels the other one. Such a statement is cancelled when its turn has come.
 *
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS
 */
export const cancellable: Guard = (unguarded) => {
  /** What is asked again, by its arguments, because no answer came. */
  const repeated = new WeakSet<unknown[]>();
  const ask = (asked: unknown[]): Statement => {
    const cancellation = current.getStore();
    const signal = cancellation?.signal;
    const statement = unguarded(...asked);
    const { handler, resolve, reject } = statement;
    let timer: NodeJS.Timeout | undefined;
    let isOver = false;
    const cancel = () => {
      if (statement.state && !statement.active) {
        timer = setTimeout(cancel, AGAIN_MS).unref();
        return;
      }
      const { canceller } = statement;
      statement.canceller = null;
      // If that fails, the statement's own time limit ends it.
      canceller?.(statement).catch(() => undefined);
    };
    const settled = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
    };
    statement.handler = (sent) => {
      // The driver calls this when somebody waits for the answer.
      signal?.addEventListener('abort', cancel, { once: true });
      if (signal?.aborted) {
        cancel();
        return undefined;
      }
      return handler(sent);
    };
    statement.resolve = (result) => {
      // The driver resolves a statement that was lost with its connection, with nothing, when the next connection is ready.
      if (isOver) return;
      settled();
      cancellation?.onAnswer?.();
      resolve(result);
    };
    statement.reject = (error) => {
      isOver = true;
      settled();
      const isSilent = isSilence(error) && !repeated.has(asked);
      if (signal?.aborted || !(isSilent || isAnothers(error))) return reject(error);
      if (isSilent) repeated.add(asked);
      const again = current.run({ signal }, () => ask(asked));
      (statement.isRaw ? again.values() : again).then(resolve, reject);
    };
    return statement;
  };
  return (...asked) => ask(asked);
};

/** The connection was given up, see `link/answer-watch.ts`: a read may be asked once more, on another one. */
function isSilence(error: unknown): boolean {
  return rootOf(error).code === SILENT;
}

/** Cancelled, and not by the time limit. */
function isAnothers(error: unknown): boolean {
  return isCancelled(error) && /user request/.test(rootOf(error).message);
}
