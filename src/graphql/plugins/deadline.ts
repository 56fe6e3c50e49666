import { type ExecutionArgs, type ExecutionResult, GraphQLError, getOperationAST } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { cancelledBy } from '../../database/driver/cancellation.ts';
import type { Context } from '../context.ts';
import { ACCEPTED } from './errors.ts';
import { OperationDeadline } from './operation-deadline.ts';

/**
 * Ends operations that take too long or whose client has gone: their waiting ends and their statements are cancelled. A
 * query that takes too long is answered with TIMEOUT. A mutation always waits for its command, which may have been
 * accepted; what it reads afterwards is ended. A subscription has the full time for each message.
 * @param timeoutMs for an operation, and for a message.
 */
export function useDeadline(timeoutMs: number): Plugin {
  return {
    onExecute: ({ args, executeFn, setExecuteFn }) => {
      const context = args.contextValue as unknown as Context;
      const { operation } = context;
      const deadline = new OperationDeadline(timeoutMs, context, operation.signal);
      deadline.begin();
      operation.limitTo(deadline.signal);
      const isQuery = getOperationAST(args.document, args.operationName)?.operation === 'query';
      setExecuteFn((again) => {
        const result = cancelledBy(deadline, () => executeFn(again));
        return isQuery && result instanceof Promise ? deadline.orTimeout(result, (late) => late) : result;
      });
      return {
        onExecuteDone: ({ result, setResult }) => {
          deadline.end();
          if (isQuery || context.consistency.appended === undefined || Symbol.asyncIterator in result) return;
          if (result.errors?.some(isTimeout)) setResult({ ...result, errors: result.errors.map(sayAccepted) });
        },
      };
    },
    onSubscribe: ({ args, subscribeFn, setSubscribeFn }) => {
      const context = args.contextValue as unknown as Context;
      const { caller, operation, opening: gone } = context;
      setSubscribeFn(async (again: ExecutionArgs) => {
        // Covers what happens before the first message.
        const opening = new OperationDeadline(timeoutMs, { caller }, operation.signal ?? gone);
        opening.begin();
        try {
          const result = await cancelledBy(opening, () => subscribeFn(again as never));
          return Symbol.asyncIterator in result ? withinTime(result, context, timeoutMs) : result;
        } finally {
          opening.end();
        }
      });
    },
  } as Plugin;
}

function isTimeout({ extensions }: GraphQLError): boolean {
  return extensions.code === 'TIMEOUT';
}

/** A failed read may leave no place for the receipt. This keeps the answer from looking like a failed command. */
function sayAccepted(error: GraphQLError): GraphQLError {
  if (!isTimeout(error)) return error;
  const { nodes, path, extensions } = error;
  return new GraphQLError(`${error.message} ${ACCEPTED}`, { nodes: nodes ?? null, path: path ?? null, extensions });
}

/**
 * The same messages. The time of each begins when there is something to send. A message that takes too long is answered
 * with TIMEOUT, and the next one waits until what was cancelled has ended. When the client ends the subscription, on
 * any transport, the running message is cancelled.
 */
function withinTime(
  messages: AsyncIterableIterator<ExecutionResult>,
  context: Context,
  timeoutMs: number,
): AsyncIterableIterator<ExecutionResult> {
  const { operation } = context;
  const { signal } = operation;
  let current: OperationDeadline | undefined;
  let late: Promise<unknown> | undefined;
  return {
    next: async () => {
      await late;
      late = undefined;
      const deadline = new OperationDeadline(timeoutMs, context, signal);
      current = deadline;
      operation.whenMessageBegins(() => {
        operation.onResumed?.();
        deadline.begin();
        operation.limitTo(deadline.signal);
      });
      const message = cancelledBy(deadline, () => messages.next());
      try {
        return await deadline.orTimeout(message, (value) => {
          late = message.catch(() => undefined);
          return { value, done: false };
        });
      } finally {
        deadline.end();
        operation.limitTo(undefined);
        current = undefined;
      }
    },
    return: async () => {
      current?.cancel();
      return (await messages.return?.()) ?? { value: undefined, done: true };
    },
    throw: async (error) => (await messages.throw?.(error)) ?? Promise.reject(error),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
