import type { Plugin } from 'graphql-yoga';
import { approximateBytes } from '../../kernel/bytes.ts';
import type { Context } from '../context.ts';
import type { SubscriptionBudgets } from '../live/subscription-budget.ts';

/** Bytes of a subscription before it holds any data: its context, its mailbox and the overhead of the libraries. */
const BASE_BYTES = 8192;

/**
 * Opens an allotment for each subscription, and refuses a subscription without room before its variables are coerced.
 * The allotment is released when the subscription ends, for whatever reason. Works for SSE and WebSocket alike.
 */
export function useSubscriptionBudget(budgets: SubscriptionBudgets): Plugin {
  return {
    onSubscribe: ({ args, setResultAndStopExecution }) => {
      const context = args.contextValue as unknown as Context;
      const allotment = budgets.open(context);
      try {
        // Variables are held as sent and as coerced.
        allotment.take(BASE_BYTES + 2 * approximateBytes(args.variableValues));
        allotment.takeDocument(args.document);
      } catch (error) {
        allotment.release();
        setResultAndStopExecution({ errors: [error as never] });
        return undefined;
      }
      const { operation } = context;
      operation.holdWithin(allotment);
      const release = () => {
        allotment.release();
        context.budget.end();
      };
      if (operation.signal?.aborted) release();
      operation.signal?.addEventListener('abort', release, { once: true });
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

/**
 * The same messages. A message has been sent when the next one is requested. After the last one everything is released.
 */
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
