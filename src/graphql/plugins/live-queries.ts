import type { ExecutionArgs } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { LiveQueries } from '../live-queries/live-queries.ts';

/**
 * Subscribes to live queries, which are executed for many subscribers at once, in place of the executor. Must come after
 * the plugin that sets the executor, and before all others that wrap the subscription.
 */
export function useLiveQueries(queries: LiveQueries): Plugin {
  return {
    onSubscribe: ({ subscribeFn, setSubscribeFn }) =>
      setSubscribeFn(async (args) => (await queries.subscribe(args as unknown as ExecutionArgs)) ?? subscribeFn(args)),
  } as Plugin;
}
