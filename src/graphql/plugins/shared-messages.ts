import type { ExecutionArgs } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Context } from '../context.ts';
import type { RowMessages } from '../live/rows/row-messages.ts';
import { apartFromShared } from '../live/shared/apart-from-shared.ts';
import type { LiveQueries } from '../live-queries/live-queries.ts';

/**
 * Subscribes to live queries and to rows, whose messages are made for many subscribers at once, in place of the executor.
 * Must come after the plugin that sets the executor, and before all others that wrap the subscription.
 */
export function useSharedMessages(queries: LiveQueries, rows: RowMessages): Plugin {
  return {
    onSubscribe: ({ subscribeFn, setSubscribeFn }) =>
      setSubscribeFn(async (given) => {
        const args = given as unknown as ExecutionArgs;
        const { sink } = (args.contextValue as Context).operation;
        const opened = (await queries.subscribe(args)) ?? (await rows.subscribe(args));
        if (!opened) return subscribeFn(given);
        return sink && Symbol.asyncIterator in opened ? apartFromShared(opened, sink) : opened;
      }),
  } as Plugin;
}
