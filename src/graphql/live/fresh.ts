import { freshnessOf } from '../consistency/wait.ts';
import type { Context } from '../context.ts';

/** A message that says why there are no more. */
export class Failure {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

/** What a subscription tells of. */
export interface Message {
  /** What it says is at least as fresh as this; it may have waited for its reader since. */
  readonly position: number;
}

/**
 * The same messages, as a subscription's source. Before each is resolved, what the operation had loaded for the one before
 * is forgotten: otherwise it would answer its first message's data for ever. An error becomes a last message, for
 * {@link unwrap} to throw: thrown here, it would take the whole WebSocket down.
 */
export function fresh<T extends Message>(
  context: Context,
  messages: AsyncIterableIterator<T>,
): AsyncIterableIterator<T | Failure> {
  const { engine, consistency } = context;
  let failed = false;
  return {
    next: async () => {
      if (failed) return { value: undefined, done: true };
      try {
        // The message before is answered. One that is waited for may be long in coming.
        context.rows.clear();
        const result = await messages.next();
        context.onMessage?.();
        context.rows.clear();
        consistency.stale = false;
        if (!result.done) consistency.read = Math.min(result.value.position, freshnessOf(engine, consistency.touched));
        return result;
      } catch (error) {
        failed = true;
        return { value: new Failure(error), done: false };
      }
    },
    return: async () => (await messages.return?.()) ?? { value: undefined, done: true },
    throw: async (error) => (await messages.throw?.(error)) ?? Promise.reject(error),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** The message that a subscription resolves. @throws the error of a {@link Failure}. */
export function unwrap<T>(message: T | Failure): T {
  if (message instanceof Failure) throw message.error;
  return message;
}
