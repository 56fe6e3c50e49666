import type { ExecutionResult } from 'graphql';
import { type SharedSink, sharedJsonOf } from '../../answer/shared-json.ts';

/**
 * The messages that a subscription has for itself. Those that many subscribers get go straight to the client: they need
 * nothing of what the layers of a server do for each message. What these keep while they wait for the next one costs more
 * than sending it.
 */
export function apartFromShared(
  messages: AsyncIterableIterator<ExecutionResult>,
  sink: SharedSink,
): AsyncIterableIterator<ExecutionResult> {
  return {
    next: async () => {
      for (;;) {
        const step = await messages.next();
        const payload = step.done ? undefined : sharedJsonOf(step.value);
        if (!payload) return step;
        await sink(payload);
      }
    },
    return: async () => (await messages.return?.()) ?? { value: undefined, done: true },
    throw: async (error) => (await messages.throw?.(error)) ?? Promise.reject(error),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
