import type { Context } from '../context.ts';

/** A last message that carries an error. */
export class FinalError {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

/** A message of a subscription. */
export interface Message {
  /** The message is at least this fresh. It may have waited for its reader since. */
  readonly position: number;
}

/**
 * The same messages, as a subscription's source. Before each message is resolved, everything that the operation has
 * loaded is forgotten; otherwise it would return the first message's data forever. An error becomes a last message that
 * {@link unwrap} throws: thrown here, it would close the whole WebSocket.
 */
export function fresh<T extends Message>(
  context: Context,
  messages: AsyncIterableIterator<T>,
): AsyncIterableIterator<T | FinalError> {
  const { consistency, operation } = context;
  let failed = false;
  return {
    next: async () => {
      if (failed) return { value: undefined, done: true };
      try {
        // The previous message has been answered. The next one may take long.
        context.rows.clear();
        const result = await messages.next();
        operation.beginMessage();
        context.rows.clear();
        consistency.beginMessage(result.done ? undefined : result.value.position);
        return result;
      } catch (error) {
        failed = true;
        return { value: new FinalError(error), done: false };
      }
    },
    return: async () => (await messages.return?.()) ?? { value: undefined, done: true },
    throw: async (error) => (await messages.throw?.(error)) ?? Promise.reject(error),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** The value that a subscription resolves. @throws the error of a {@link FinalError}. */
export function unwrap<T>(message: T | FinalError): T {
  if (message instanceof FinalError) throw message.error;
  return message;
}
