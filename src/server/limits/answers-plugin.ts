import type { Plugin } from 'graphql-yoga';
import type { Context } from '../../graphql/context.ts';
import type { Visit } from './visit.ts';

/** Holds what an answer has taken of its caller's share until it is sent, or until its client is gone. */
export function useAnswerShares(): Plugin {
  return {
    onExecute: ({ args }) => {
      const { visit, budget } = args.contextValue as unknown as Pick<Context, 'budget'> & { readonly visit?: Visit };
      visit?.onLeave(() => budget.end());
      return {
        onExecuteDone: () => {
          budget.executed();
          if (!visit) budget.end();
        },
      };
    },
  };
}
