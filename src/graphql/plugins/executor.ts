import { type ExecutionArgs, execute, type SubscriptionArgs, subscribe } from 'graphql';
import type { Plugin } from 'graphql-yoga';

/**
 * Executes by graphql-js itself. Yoga's own executor can do more, of which nothing is used here, and for that keeps a sixth
 * more with each subscription. Stands before all plugins that wrap what executes.
 */
export function useExecutor(): Plugin {
  return {
    onExecute: ({ setExecuteFn }) => setExecuteFn((args) => execute(args as unknown as ExecutionArgs)),
    onSubscribe: ({ setSubscribeFn }) => setSubscribeFn((args) => subscribe(args as unknown as SubscriptionArgs)),
  };
}
