import type { ExecutionArgs } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Context } from '../context.ts';
import type { RowMessages } from '../live/rows/row-messages.ts';
import { apartFromShared } from '../live/shared/apart-from-shared.ts';
import { heldCopies } from '../live/shared/held-messages.ts';
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
        const { operation, budget } = args.contextValue as Context;
        const { sink } = operation;
        const opened = (await queries.subscribe(args)) ?? (await rows.subscribe(args));
        if (!opened) return subscribeFn(given);
        if (!(Symbol.asyncIterator in opened)) return opened;
        return sink ? apartFromShared(opened, sink, budget) : heldCopies(opened, budget);
      }),
  } as Plugin;
}
