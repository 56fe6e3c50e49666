import { type ExecutionResult, GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Context } from '../context.ts';
import { maskedError, toClientError } from '../errors.ts';

/** Told of each fault, with the correlation id that its masked error carries. */
export type OnFault = (error: unknown, correlationId: string | undefined) => void;

/** An error as the client gets it: with its code, or masked where it is a fault, of which the operator is told. */
export function answerError(error: unknown, correlationId: string | undefined, onFault: OnFault): GraphQLError {
  const known = toClientError(error);
  if (known) return known;
  onFault(error, correlationId);
  return maskedError(error, correlationId);
}

/**
 * Gives every error its code. Sits where HTTP, SSE and WebSocket all pass.
 * @param correlationIdOf of an operation that is not executed yet.
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
    // Yoga's own masking comes after this and does not know whose operation it was.
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

interface Outcome {
  readonly result: ExecutionResult | AsyncIterable<unknown>;
  // What it takes depends on the hook; it is always given what the result was, with other errors.
  readonly setResult: (result: never) => void;
}

function answering({ correlationId, budget, consistency }: Context, onFault: OnFault) {
  return ({ result, setResult }: Outcome): undefined => {
    if (Symbol.asyncIterator in result || !result.errors) return;
    if (budget.exhausted) {
      setResult({
        ...result,
        data: null,
        errors: [endedBy(budget.exhausted, consistency.appended !== undefined)],
      } as never);
      return;
    }
    const answered = result.errors.map((error) => answerError(error, correlationId, onFault));
    // A status other than 200 says that nothing was done.
    const errors = consistency.appended === undefined ? answered : answered.map(withoutStatus);
    setResult({ ...result, errors } as never);
  };
}

function withoutStatus(error: GraphQLError): GraphQLError {
  const { http, ...extensions } = error.extensions;
  if (!http) return error;
  const { message, nodes, path } = error;
  return new GraphQLError(message, { nodes: nodes ?? null, path: path ?? null, extensions });
}

/** Said of a command whose receipt does not reach the client because what it reads afterwards was ended. */
export const ACCEPTED = 'The command was accepted: sent again with the same `commandId`, it answers its receipt.';

/** The one error of an operation that was ended; its fields are not told. @param accepted a command of it was. */
function endedBy({ message, extensions }: GraphQLError, accepted: boolean): GraphQLError {
  return new GraphQLError(accepted ? `${message} ${ACCEPTED}` : message, { extensions });
}
