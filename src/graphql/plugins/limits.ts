import { maxAliasesPlugin } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthPlugin } from '@escape.tech/graphql-armor-max-depth';
import { maxTokensPlugin } from '@escape.tech/graphql-armor-max-tokens';
import { GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { useCostLimit } from './cost-limit.ts';

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

/**
 * Refuses documents that would cost too much, before they are executed, on whatever way they come. Fragments do not count:
 * they are a way to write a document, and do not make it deeper.
 */
export function useLimits({ depth, aliases, tokens, cost }: OperationLimits): Plugin {
  return {
    onPluginInit: ({ addPlugin }) => {
      addPlugin(maxTokensPlugin({ n: tokens, onReject: [refuse] }) as Plugin);
      addPlugin(maxDepthPlugin({ n: depth, flattenFragments: true, onReject: [refuse] }) as Plugin);
      addPlugin(maxAliasesPlugin({ n: aliases, allowList: [], onReject: [refuse] }) as Plugin);
      addPlugin(useCostLimit({ maxCost: cost, flattenFragments: true, onReject: [refuse] }));
    },
  };
}

/** What graphql-armor calls a syntax error is none: the document is fine, and too much. */
function refuse(_: unknown, error: GraphQLError): never {
  throw new GraphQLError(error.message.replace(/^Syntax Error: /, ''), { extensions: { code: 'BAD_USER_INPUT' } });
}
