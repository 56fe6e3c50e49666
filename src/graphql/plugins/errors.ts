import type { GraphQLError } from 'graphql';
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

/** Gives every error its code. Sits where HTTP, SSE and WebSocket all pass. */
export function useErrors(onFault: OnFault): Plugin {
  return {
    onParse:
      () =>
      ({ result, replaceParseResult }) => {
        if (result instanceof Error) replaceParseResult(answerError(result, undefined, onFault) as never);
      },
    onValidate:
      () =>
      ({ result, setResult }) => {
        if (result.length > 0) setResult(result.map((error) => answerError(error, undefined, onFault)));
      },
    // Yoga's own masking comes after this and does not know whose operation it was.
    onExecute: ({ args }) => ({
      onExecuteDone: ({ result, setResult }) => {
        if (Symbol.asyncIterator in result || !result.errors) return;
        const { correlationId } = args.contextValue as unknown as Context;
        const errors = result.errors.map((error) => answerError(error, correlationId, onFault));
        setResult({ ...result, errors });
      },
    }),
  };
}
