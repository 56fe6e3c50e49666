import type { ExecutionResult } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Turns } from '../../scheduling/turns.ts';
import { SLICE_BYTES, slicedJson } from '../answer/sliced-json.ts';
import type { Context } from '../context.ts';

interface Written extends ExecutionResult {
  /** The answer in the pieces in which it was serialised. */
  readonly pieces?: (result: ExecutionResult) => readonly Buffer[];
  /** Yoga calls this, and sends the bytes. */
  readonly stringify?: (result: ExecutionResult) => Buffer;
}

/** An answer as it is sent: a text, or the pieces of a large answer. */
export function writtenAnswer(result: ExecutionResult): string | readonly Buffer[] {
  const { pieces } = result as Written;
  return pieces ? pieces(result) : JSON.stringify(result);
}

/**
 * Serialises large answers in slices, between which other callers have turns. It is the last plugin that changes
 * answers.
 */
export function useSlicedAnswers(turns: Turns): Plugin {
  return {
    onExecute: () => ({
      onExecuteDone: ({ args, result, setResult }) => {
        const { budget, caller } = args.contextValue as unknown as Context;
        if (Symbol.asyncIterator in result || !result.data || budget.answerBytes <= SLICE_BYTES) return undefined;
        return slicedJson(result.data, () => turns.take(caller)).then((data) => {
          const written: Written = {
            ...(result as ExecutionResult),
            pieces: (whole) => withData(whole, data),
            stringify: (whole) => Buffer.concat(withData(whole, data)),
          };
          setResult(written as typeof result);
        });
      },
    }),
  } as Plugin;
}

/** The answer with its data, which is serialised already. */
function withData(result: ExecutionResult, data: readonly Buffer[]): readonly Buffer[] {
  const { data: _, pieces: __, stringify: ___, ...others } = result as Written;
  const rest = JSON.stringify(others);
  const end = rest === '{}' ? '}' : `,${rest.slice(1)}`;
  return [Buffer.from('{"data":'), ...data, Buffer.from(end)];
}
