import { type ExecutionArgs, getOperationAST } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { ApiObserver } from '../observe.ts';

/** Reports every operation and all open subscriptions to the observer, for HTTP, SSE and WebSocket alike. */
export function useObserver(observer: ApiObserver): Plugin {
  return {
    onExecute: ({ args }) => {
      const began = performance.now();
      const kind = kindOf(args);
      return {
        onExecuteDone: ({ result }) => {
          const failed = !(Symbol.asyncIterator in result) && result.errors !== undefined;
          observer.tell('operationAnswered', { kind, ms: performance.now() - began, failed });
        },
      };
    },
    onSubscribe: () => {
      const began = performance.now();
      return {
        onSubscribeResult: ({ result }) => {
          if (!(Symbol.asyncIterator in result)) {
            observer.tell('operationAnswered', { kind: 'subscription', ms: performance.now() - began, failed: true });
            return undefined;
          }
          observer.tell('subscriptionBegun', undefined);
          return { onEnd: () => observer.tell('subscriptionEnded', undefined) };
        },
      };
    },
  };
}

function kindOf({ document, operationName }: Pick<ExecutionArgs, 'document' | 'operationName'>) {
  return getOperationAST(document, operationName)?.operation ?? 'query';
}
