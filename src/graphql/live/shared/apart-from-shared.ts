import type { ExecutionResult } from 'graphql';
import type { AnswerBudget } from '../../answer/budget.ts';
import { type SharedSink, sharedJsonOf } from '../../answer/shared-json.ts';
import { hold, lastMessage } from './held-messages.ts';

/**
 * The messages that a subscription has for itself. Those that many subscribers get go straight to the client: they need
 * nothing of what the layers of a server do for each message. What these keep while they wait for the next one costs more
 * than sending it. The budget counts each of them until it is written; the subscription of a caller who has no room ends
 * with the error.
 */
export function apartFromShared(
  messages: AsyncIterableIterator<ExecutionResult>,
  sink: SharedSink,
  budget: AnswerBudget,
): AsyncIterableIterator<ExecutionResult> {
  return {
    next: async () => {
      for (;;) {
        const step = await messages.next();
        const payload = step.done ? undefined : sharedJsonOf(step.value);
        if (!payload) return step;
        let written: () => void;
        try {
          written = hold(payload, budget);
        } catch (error) {
          return lastMessage(messages, error);
        }
        await sink(payload).finally(written);
      }
    },
    return: async () => (await messages.return?.()) ?? { value: undefined, done: true },
    throw: async (error) => (await messages.throw?.(error)) ?? Promise.reject(error),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
