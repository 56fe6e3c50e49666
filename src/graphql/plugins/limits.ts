import { costLimitPlugin } from '@escape.tech/graphql-armor-cost-limit';
import { maxAliasesPlugin } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthPlugin } from '@escape.tech/graphql-armor-max-depth';
import { maxTokensPlugin } from '@escape.tech/graphql-armor-max-tokens';
import type { Plugin } from 'graphql-yoga';

export interface OperationLimits {
  /** Levels of nesting. */
  readonly depth: number;
  /** Aliases in an operation. */
  readonly aliases: number;
  /** Lexical tokens in a document. */
  readonly tokens: number;
  /** About one a field, more the deeper it is, and times `first` or `last` in a list. */
  readonly cost: number;
}

/** Refuses documents that would cost too much, before they are executed, on whatever way they come. */
export function useLimits({ depth, aliases, tokens, cost }: OperationLimits): Plugin {
  return {
    onPluginInit: ({ addPlugin }) => {
      addPlugin(maxTokensPlugin({ n: tokens }) as Plugin);
      addPlugin(maxDepthPlugin({ n: depth }) as Plugin);
      addPlugin(maxAliasesPlugin({ n: aliases, allowList: [] }) as Plugin);
      addPlugin(costLimitPlugin({ maxCost: cost }) as Plugin);
    },
  };
}
