import type { Plugin } from 'graphql-yoga';
import { approximateBytes } from '../../kernel/bytes.ts';
import type { Context } from '../context.ts';
import type { SubscriptionBudgets } from '../live/subscription-budget.ts';

/** Bytes of a subscription before it holds anything: its context, its mailbox and what the libraries keep for it. */
const BASE_BYTES = 8192;

/**
 * Opens an allotment for each subscription and refuses one for which there is no room, before its variables are coerced. It is
 * released however the subscription ends. Sits where SSE and WebSocket both pass.
 */
export function useSubscriptionBudget(budgets: SubscriptionBudgets): Plugin {
  return {
    onSubscribe: ({ args, setResultAndStopExecution }) => {
      const context = args.contextValue as unknown as Context;
      const allotment = budgets.open(context);
      try {
        // As they were sent, and as they are coerced.
        allotment.take(BASE_BYTES + 2 * approximateBytes(args.variableValues));
        allotment.takeDocument(args.document);
      } catch (error) {
        allotment.release();
        setResultAndStopExecution({ errors: [error as never] });
        return undefined;
      }
      context.allotment = allotment;
      const release = () => {
        allotment.release();
        context.budget.end();
      };
      if (context.signal?.aborted) release();
      context.signal?.addEventListener('abort', release, { once: true });
      return {
        onSubscribeResult: ({ result, setResult }) => {
          if (Symbol.asyncIterator in result)
            setResult(releasing(result as AsyncIterableIterator<never>, context.budget, release));
          else release();
        },
        onSubscribeError: release,
      };
    },
  } as Plugin;
}

/** The same messages. A message was sent if the next one is asked for, and with the last one everything is released. */
function releasing<T>(
  messages: AsyncIterableIterator<T>,
  budget: Context['budget'],
  release: () => void,
): AsyncIterableIterator<T> {
  return {
    next: async () => {
      budget.reset();
      try {
        const result = await messages.next();
        if (result.done) release();
        return result;
      } catch (error) {
        release();
        throw error;
      }
    },
    return: async () => {
      release();
      return (await messages.return?.()) ?? { value: undefined, done: true };
    },
    throw: async (error) => {
      release();
      return (await messages.throw?.(error)) ?? Promise.reject(error);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
