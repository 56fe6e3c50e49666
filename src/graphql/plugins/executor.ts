import { type ExecutionArgs, execute, type SubscriptionArgs, subscribe } from 'graphql';
import type { Plugin } from 'graphql-yoga';

/** Errors of variables that are told; more are not looked for. */
const MAX_COERCION_ERRORS = 10;

/**
 * Executes by graphql-js itself. Yoga's own executor can do more, of which nothing is used here, and for that keeps a sixth
 * more with each subscription. Stands before all plugins that wrap what executes.
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
