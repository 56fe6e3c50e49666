import { Mailbox } from '../../kernel/notify/mailbox.ts';
import type { Context } from '../context.ts';
import type { ProjectionUpdate } from './audience.ts';
import { MAX_KEYS } from './channel.ts';
import { namesOf, readable } from './projection-names.ts';

/**
 * Tells one subscriber that read models have moved on: one waiting message for each read model, however much happens before it
 * is read. It names rows that the subscriber may see, and nothing is told of changes of other rows.
 */
export function projectionUpdates(
  args: {
    projections?: readonly string[] | null | undefined;
    keys?: readonly string[] | null | undefined;
    after?: number | undefined;
  },
  context: Context,
): AsyncIterableIterator<ProjectionUpdate> {
  const { engine, observer, signal, rows, updates } = context;
  const { positions } = engine.readSide;
  const projections = readable(namesOf(args.projections, context), args.projections != null, context);
  // Ids are written in lower case, other keys as they are.
  const wanted = args.keys ? new Set(args.keys.flatMap((key) => [key, key.toLowerCase()])) : undefined;
  const gone = new AbortController();
  const { after } = args;
  let leave: (() => void) | undefined;
  const begin = () => {
    const subscriber = updates.enter(wanted, (update) => mailbox.put(update.projection, update));
    leave = () => updates.leave(subscriber);
    for (const name of projections) {
      const projection = engine.registry.projections.get(name);
      const visibility = projection ? rows.visibility(projection) : 'all';
      if (after === undefined) {
        updates.listen(subscriber, name, visibility);
        continue;
      }
      positions
        .reached(name, after, { signal: gone.signal, as: 'subscription' })
        .then((reached) => {
          if (reached && !gone.signal.aborted) updates.listenFrom(positions.of(name), subscriber, name, visibility);
        })
        .catch((error) => mailbox.fail(error));
    }
  };
  const mailbox = new Mailbox<ProjectionUpdate>({
    signal,
    onCoalesced: () => observer.coalesced(),
    merge: (before, now) => ({ ...now, keys: union(before.keys, now.keys), lagMs: Math.max(before.lagMs, now.lagMs) }),
    start: begin,
    onClose: () => {
      gone.abort();
      leave?.();
    },
  });
  return mailbox;
}

function union(a: ReadonlySet<string> | null, b: ReadonlySet<string> | null): ReadonlySet<string> | null {
  if (a === null || b === null) return null;
  if (a === b) return a;
  const both = new Set([...a, ...b]);
  return both.size > MAX_KEYS ? null : both;
}
