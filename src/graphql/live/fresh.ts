import type { Context } from '../context.ts';

/**
 * The same messages; before each is resolved, what the operation had loaded for the one before is forgotten. Otherwise a
 * subscription would answer its first message's data for ever.
 */
export function fresh<T>(context: Context, messages: AsyncIterableIterator<T>): AsyncIterableIterator<T> {
  return {
    next: async () => {
      const result = await messages.next();
      context.rows.clear();
      return result;
    },
    return: async () => (await messages.return?.()) ?? { value: undefined, done: true },
    throw: async (error) => (await messages.throw?.(error)) ?? Promise.reject(error),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
