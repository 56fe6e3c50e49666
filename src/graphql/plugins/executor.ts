import { type ExecutionArgs, execute, type SubscriptionArgs, subscribe } from 'graphql';
import type { Plugin } from 'graphql-yoga';

/** Most errors of variables that are reported; the search ends there. */
const MAX_COERCION_ERRORS = 10;

/**
 * Executes with graphql-js itself. Yoga's own executor can do more, which is not used here, and needs a sixth more
 * memory for each subscription. Must come before all plugins that wrap the execution.
 * @param suggestions whether errors may suggest names of the schema.
 */
export function useExecutor({ suggestions }: { readonly suggestions: boolean }): Plugin {
  const own = { hideSuggestions: !suggestions, options: { maxCoercionErrors: MAX_COERCION_ERRORS } };
  return {
    onExecute: ({ setExecuteFn }) => setExecuteFn((args) => execute({ ...(args as unknown as ExecutionArgs), ...own })),
    onSubscribe: ({ setSubscribeFn }) =>
      setSubscribeFn((args) => subscribe({ ...(args as unknown as SubscriptionArgs), ...own })),
  };
}
