import type { Plugin } from 'graphql-yoga';
import { approximateBytes } from '../../kernel/bytes.ts';
import type { Context } from '../context.ts';
import type { Allotment, SubscriptionBudgets } from '../live/subscription-budget.ts';

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
      const release = () => allotment.release();
      if (context.signal?.aborted) release();
      context.signal?.addEventListener('abort', release, { once: true });
      return {
        onSubscribeResult: ({ result, setResult }) => {
          if (Symbol.asyncIterator in result) setResult(releasing(result as AsyncIterableIterator<never>, allotment));
          else release();
        },
        onSubscribeError: release,
      };
    },
  } as Plugin;
}

/** The same messages; the allotment is released with the last one. */
function releasing<T>(messages: AsyncIterableIterator<T>, allotment: Allotment): AsyncIterableIterator<T> {
  return {
    next: async () => {
      try {
        const result = await messages.next();
        if (result.done) allotment.release();
        return result;
      } catch (error) {
        allotment.release();
        throw error;
      }
    },
    return: async () => {
      allotment.release();
      return (await messages.return?.()) ?? { value: undefined, done: true };
    },
    throw: async (error) => {
      allotment.release();
      return (await messages.throw?.(error)) ?? Promise.reject(error);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
