import { type ExecutionArgs, type ExecutionResult, getOperationAST } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { sharedJsonOf } from '../answer/shared-json.ts';
import { awaitTokens } from '../consistency/read-after.ts';
import { touchedBy } from '../consistency/touched.ts';
import type { Context } from '../context.ts';

/** The response header with the same token as `extensions.consistency`. */
export const TOKEN_HEADER = 'consistency-token';
/** The request header with tokens to read after. */
export const READ_AFTER_HEADER = 'read-after';

/**
 * Makes a query wait once, before it is executed, until its read models have reached its tokens. Every answer says how fresh it is:
 * in `extensions.consistency`, and over HTTP in a header. An answer to accepted commands whose receipts are missing in
 * its data has them in `extensions.accepted`.
 */
export function useConsistency(): Plugin {
  const tokens = new WeakMap<Request, string>();
  return {
    onExecute: ({ args, executeFn, setExecuteFn, setResultAndStopExecution }) => {
      const operation = getOperationAST(args.document, args.operationName);
      if (!operation) return undefined;
      const context = contextOf(args);
      const request = requestOf(args);
      const touched = touchedBy(args.schema, args.document, operation);
      context.consistency.executes(touched);
      const hooks = {
        onExecuteDone: ({ result, setResult }: Executed) => {
          if (Symbol.asyncIterator in result) return;
          const extensions = consistencyOf(context);
          if (request) tokens.set(request, extensions.consistency.token);
          const accepted = context.consistency.receiptsMissingIn(result.data);
          setResult({ ...result, extensions: { ...result.extensions, ...extensions, ...(accepted && { accepted }) } });
        },
      };
      if (operation.operation !== 'query') return hooks;
      const wait = () => awaitTokens(args, operation, touched, context.readAfter, context);
      const begin = () => {
        setExecuteFn((again) => executeSteadily(() => executeFn(again), wait, context));
        return hooks;
      };
      const refuse = (error: unknown) => {
        const extensions = consistencyOf(context);
        if (request) tokens.set(request, extensions.consistency.token);
        setResultAndStopExecution({ errors: [error as never], extensions });
        return undefined;
      };
      try {
        const waiting = wait();
        return waiting ? waiting.then(begin, refuse) : begin();
      } catch (error) {
        return refuse(error);
      }
    },
    onSubscribe: ({ args }) => {
      const operation = getOperationAST(args.document, args.operationName);
      const context = contextOf(args);
      if (operation) context.consistency.executes(touchedBy(args.schema, args.document, operation));
      return {
        onSubscribeResult: () => ({
          onNext: ({
            result,
            setResult,
          }: {
            result: ExecutionResult;
            setResult: (result: ExecutionResult) => void;
          }) => {
            // What many subscribers share says so itself.
            if (sharedJsonOf(result)) return;
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

/** How often a query is executed if its read models keep going back meanwhile. */
const ATTEMPTS = 5;

/**
 * Executes a query that has waited. If a Postgres that it reads from crashes after the wait and comes back with less
 * (its newest batches need not have been on disk), the query may have read that. Then it waits and reads again.
 */
async function executeSteadily(
  execute: () => unknown,
  wait: () => Promise<void> | undefined,
  context: Context,
): Promise<ExecutionResult> {
  const { positions } = context.engine.readSide;
  for (let attempt = 1; ; attempt++) {
    const { retreats } = positions;
    const result = (await execute()) as ExecutionResult;
    if (positions.retreats === retreats) return result;
    if (attempt === ATTEMPTS) {
      context.consistency.markStale();
      return result;
    }
    context.rows.clear();
    context.budget.reset();
    try {
      await wait();
    } catch (error) {
      return { errors: [error as never] };
    }
  }
}

interface Executed {
  readonly result: ExecutionResult | AsyncIterable<unknown>;
  readonly setResult: (result: ExecutionResult) => void;
}

function contextOf(args: Pick<ExecutionArgs, 'contextValue'>): Context {
  return args.contextValue as Context;
}

/** Over HTTP Yoga puts the request into the context. */
function requestOf(args: Pick<ExecutionArgs, 'contextValue'>): Request | undefined {
  return (args.contextValue as { request?: Request }).request;
}

function consistencyOf({ consistency }: Context) {
  return { consistency: { token: consistency.token, stale: consistency.isStale } };
}
