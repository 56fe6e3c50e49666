import { type ExecutionArgs, type ExecutionResult, getOperationAST } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { awaitTokens } from '../consistency/read-after.ts';
import { touchedBy } from '../consistency/touched.ts';
import type { Context } from '../context.ts';

/** The response header with the same token as `extensions.consistency`. */
export const TOKEN_HEADER = 'consistency-token';
/** The request header with tokens to read after. */
export const READ_AFTER_HEADER = 'read-after';

/**
 * Makes a query wait for what it is to be read after, once, before it is executed; and says in every answer how fresh it
 * is: in `extensions.consistency`, and over HTTP in a header.
 */
export function useConsistency(): Plugin {
  const tokens = new WeakMap<Request, string>();
  return {
    onExecute: async ({ args, setResultAndStopExecution }) => {
      const operation = getOperationAST(args.document, args.operationName);
      if (!operation) return undefined;
      const context = contextOf(args);
      const request = requestOf(args);
      if (operation.operation === 'query') {
        const touched = touchedBy(args.schema, args.document, operation);
        const header = request?.headers.get(READ_AFTER_HEADER);
        try {
          await awaitTokens(args, operation, touched, header, context);
        } catch (error) {
          const extensions = consistencyOf(context);
          if (request) tokens.set(request, extensions.consistency.token);
          setResultAndStopExecution({ errors: [error as never], extensions });
          return undefined;
        }
      }
      return {
        onExecuteDone: ({ result, setResult }) => {
          if (Symbol.asyncIterator in result) return;
          const extensions = consistencyOf(context);
          if (request) tokens.set(request, extensions.consistency.token);
          setResult({ ...result, extensions: { ...result.extensions, ...extensions } });
        },
      };
    },
    onSubscribe: ({ args }) => {
      const operation = getOperationAST(args.document, args.operationName);
      const context = contextOf(args);
      if (operation) context.consistency.touched = touchedBy(args.schema, args.document, operation);
      return {
        onSubscribeResult: () => ({
          onNext: ({
            result,
            setResult,
          }: {
            result: ExecutionResult;
            setResult: (result: ExecutionResult) => void;
          }) => {
            setResult({ ...result, extensions: { ...result.extensions, ...consistencyOf(context) } });
          },
        }),
      };
    },
    onResponse: ({ request, response }) => {
      const token = tokens.get(request);
      if (token) response.headers.set(TOKEN_HEADER, token);
    },
  } as Plugin;
}

function contextOf(args: Pick<ExecutionArgs, 'contextValue'>): Context {
  return args.contextValue as Context;
}

/** Over HTTP Yoga puts the request into the context. */
function requestOf(args: Pick<ExecutionArgs, 'contextValue'>): Request | undefined {
  return (args.contextValue as { request?: Request }).request;
}

/**
 * Of a mutation the position of the last event that it appended, so that a client reads its own writes; of all else how
 * fresh what was read is at least.
 */
function consistencyOf({ consistency, engine }: Context) {
  const { appended, read, stale } = consistency;
  const token = engine.tokens.encode(appended ?? read ?? engine.projector.head.position);
  return { consistency: { token, stale } };
}
