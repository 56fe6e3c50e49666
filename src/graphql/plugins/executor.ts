import type { Plugin } from 'graphql-yoga';
import { execute, type OperationArgs, subscribe } from '../execution/execute.ts';

/**
 * Executes with the product's own executor, see `execution/execute.ts`. Must come before all plugins that wrap the
 * execution.
 * @param suggestions whether errors may suggest names of the schema.
 */
export function useExecutor({ suggestions }: { readonly suggestions: boolean }): Plugin {
  const own = (args: unknown): OperationArgs => ({ ...(args as OperationArgs), hideSuggestions: !suggestions });
  return {
    onExecute: ({ setExecuteFn }) => setExecuteFn((args) => execute(own(args))),
    onSubscribe: ({ setSubscribeFn }) => setSubscribeFn((args) => subscribe(own(args))),
  };
}
