import { type ExecutionResult, GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Context } from '../context.ts';
import { maskedError, type ShownFault, toClientError } from '../errors.ts';

/**
 * Told about each fault, with the correlation id of its masked error.
 * @returns what the client may know of it: nothing, except in development.
 */
export type OnFault = (error: unknown, correlationId: string | undefined) => ShownFault | undefined;

/**
 * An error in the form for the client: with its code, or masked if it is a fault, which is reported to the operator.
 */
export function answerError(error: unknown, correlationId: string | undefined, onFault: OnFault): GraphQLError {
  const known = toClientError(error);
  if (known) return known;
  return maskedError(error, correlationId, onFault(error, correlationId));
}

/**
 * Gives every error its code, for HTTP, SSE and WebSocket alike.
 * @param correlationIdOf an operation that is not executed yet.
 */
export function useErrors(
  onFault: OnFault,
  correlationIdOf: (context: object) => string | undefined = () => undefined,
): Plugin {
  return {
    onParse:
      ({ context }) =>
      ({ result, replaceParseResult }) => {
        if (result instanceof Error)
          replaceParseResult(answerError(result, correlationIdOf(context), onFault) as never);
      },
    onValidate:
      ({ context }) =>
      ({ result, setResult }) => {
        if (result.length > 0) setResult(result.map((error) => answerError(error, correlationIdOf(context), onFault)));
      },
    // Yoga's own masking comes after this and does not know the operation.
    onExecute: ({ args }) => ({ onExecuteDone: answering(args.contextValue as unknown as Context, onFault) }),
    onSubscribe: ({ args }) => {
      const answer = answering(args.contextValue as unknown as Context, onFault);
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

function answering(context: Context, onFault: OnFault) {
  return ({ result, setResult }: ExecutionOutcome): undefined => {
    if (!(Symbol.asyncIterator in result) && result.errors) setResult(clientResult(result, context, onFault) as never);
  };
}

/** A result whose errors have the form for the client. */
export function clientResult(
  result: ExecutionResult,
  { correlationId, budget, consistency }: Pick<Context, 'correlationId' | 'budget' | 'consistency'>,
  onFault: OnFault,
): ExecutionResult {
  if (!result.errors) return result;
  if (budget.exhausted) {
    return { ...result, data: null, errors: [endedBy(budget.exhausted, consistency.appended !== undefined)] };
  }
  const answered = result.errors.map((error) => answerError(error, correlationId, onFault));
  // A status other than 200 would mean that nothing was done.
  return { ...result, errors: consistency.appended === undefined ? answered : answered.map(withoutStatus) };
}

function withoutStatus(error: GraphQLError): GraphQLError {
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
