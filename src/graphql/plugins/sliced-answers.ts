import type { ExecutionResult } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Turns } from '../../scheduling/turns.ts';
import { SLICE_BYTES, slicedJson } from '../answer/sliced-json.ts';
import type { Context } from '../context.ts';

/** Yoga calls `stringify` of an answer, and sends its result, text or bytes. */
type Written = ExecutionResult & { stringify?: (result: ExecutionResult) => string | Buffer };

/** An answer as it is sent. */
export function writtenAnswer(result: ExecutionResult): string | Buffer {
  const { stringify = JSON.stringify } = result as Written;
  return stringify(result);
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
          const written: Written = { ...(result as ExecutionResult), stringify: (whole) => withData(whole, data) };
          setResult(written as typeof result);
        });
      },
    }),
  } as Plugin;
}

/** The answer with its data, which is serialised already. */
function withData(result: ExecutionResult, data: readonly Buffer[]): Buffer {
  const { data: _, stringify: __, ...others } = result as Written;
  const rest = JSON.stringify(others);
  const end = rest === '{}' ? '}' : `,${rest.slice(1)}`;
  return Buffer.concat([Buffer.from('{"data":'), ...data, Buffer.from(end)]);
}
