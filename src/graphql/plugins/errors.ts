import { type ExecutionResult, GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { sharedJsonOf } from '../answer/shared-json.ts';
import type { Context } from '../context.ts';
import { maskedError, type ShownFault, toClientError } from '../errors.ts';

/**
 * Reports a fault to the observer, with the correlation id of its masked error.
 * @returns what the client may know of it: nothing, except in development.
 */
export type ReportFault = (error: unknown, correlationId: string | undefined) => ShownFault | undefined;

/**
 * An error in the form for the client: with its code, or masked if it is a fault, which is reported to the operator.
 */
export function answerError(error: unknown, correlationId: string | undefined, reportFault: ReportFault): GraphQLError {
  const known = toClientError(error);
  if (known) return known;
  return maskedError(error, correlationId, reportFault(error, correlationId));
}

/**
 * Gives every error its code, for HTTP, SSE and WebSocket alike.
 * @param correlationIdOf an operation that is not executed yet.
 */
export function useErrors(
  reportFault: ReportFault,
  correlationIdOf: (context: object) => string | undefined = () => undefined,
): Plugin {
  return {
    onParse:
      ({ context }) =>
      ({ result, replaceParseResult }) => {
        if (result instanceof Error)
          replaceParseResult(answerError(result, correlationIdOf(context), reportFault) as never);
      },
    onValidate:
      ({ context }) =>
      ({ result, setResult }) => {
        if (result.length > 0)
          setResult(result.map((error) => answerError(error, correlationIdOf(context), reportFault)));
      },
    // Yoga's own masking comes after this and does not know the operation.
    onExecute: ({ args }) => ({ onExecuteDone: answering(args.contextValue as unknown as Context, reportFault) }),
    onSubscribe: ({ args }) => {
      const answer = answering(args.contextValue as unknown as Context, reportFault);
      return {
        onSubscribeResult: (outcome) => {
          answer(outcome);
          return { onNext: answer };
        },
      };
    },
  };
}

interface ExecutionOutcome {
  readonly result: ExecutionResult | AsyncIterable<unknown>;
  // Its parameter depends on the hook. It always gets the result with other errors.
  readonly setResult: (result: never) => void;
}

function answering(context: Context, reportFault: ReportFault) {
  return ({ result, setResult }: ExecutionOutcome): undefined => {
    // What many subscribers share has its errors in their form already.
    if (Symbol.asyncIterator in result || !result.errors || sharedJsonOf(result)) return;
    setResult(clientResult(result, context, reportFault) as never);
  };
}

/** A result whose errors have the form for the client. */
export function clientResult(
  result: ExecutionResult,
  { correlationId, budget, consistency }: Pick<Context, 'correlationId' | 'budget' | 'consistency'>,
  reportFault: ReportFault,
): ExecutionResult {
  if (!result.errors) return result;
  if (budget.exhausted) {
    return { ...result, data: null, errors: [endedBy(budget.exhausted, consistency.appended !== undefined)] };
  }
  const answered = result.errors.map((error) => answerError(error, correlationId, reportFault));
  // A status other than 200 would mean that nothing was done.
  return { ...result, errors: consistency.appended === undefined ? answered : answered.map(withoutStatus) };
}

/** The same error for a client that has no use for an HTTP status. */
export function withoutStatus(error: GraphQLError): GraphQLError {
  const { http, ...extensions } = error.extensions;
  if (!http) return error;
  const { message, nodes, path } = error;
  return new GraphQLError(message, { nodes: nodes ?? null, path: path ?? null, extensions });
}

/** Message for a command whose receipt does not reach the client because its reads were ended. */
export const ACCEPTED = 'The command was accepted: sent again with the same `commandId`, it answers its receipt.';

/**
 * The single error of an operation that was ended, without its fields. @param accepted whether a command of it was
 * accepted.
 */
function endedBy({ message, extensions }: GraphQLError, accepted: boolean): GraphQLError {
  return new GraphQLError(accepted ? `${message} ${ACCEPTED}` : message, { extensions });
}
