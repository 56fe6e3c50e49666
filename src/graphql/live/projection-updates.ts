import { Mailbox } from '../../kernel/notify/mailbox.ts';
import type { Context } from '../context.ts';
import type { ProjectionUpdate } from './audience.ts';
import { MAX_KEYS } from './channel.ts';
import { namesOf, readable } from './projection-names.ts';

/** Bytes for listening to one read model: its place in the audience, a slot and perhaps a wait. */
const PROJECTION_BYTES = 1024;
/** Bytes of a key in a set or an index, without its text. */
const KEY_BYTES = 256;

/**
 * Tells one subscriber that read models have advanced. At most one message waits for each read model, however much
 * happens before it is read. It names only rows that the subscriber may see; changes of other rows are not announced.
 */
export function projectionUpdates(
  args: {
    projections?: readonly string[] | null | undefined;
    keys?: readonly string[] | null | undefined;
    after?: number | undefined;
  },
  context: Context,
): AsyncIterableIterator<ProjectionUpdate> {
  const { engine, observer, operation, rows, updates, caller } = context;
  const { signal, allotment } = operation;
  const { positions } = engine.readSide;
  const projections = readable(namesOf(args.projections, context), args.projections != null, context);
  allotment?.checkKeys(args.keys?.length ?? 0);
  allotment?.take(PROJECTION_BYTES * projections.length + keyBytes(args.keys ?? []));
  // Ids are written in lower case, other keys as they are.
  const wanted = args.keys ? new Set(args.keys.flatMap((key) => [key, key.toLowerCase()])) : undefined;
  const gone = new AbortController();
  const { after } = args;
  /** Bytes that were taken for the waiting keys, by read model. */
  const waiting = new Map<string, number>();
  const merged = ({ projection, keys: before }: ProjectionUpdate, { keys: now }: ProjectionUpdate) => {
    const keys = union(before, now);
    const [bytes, taken] = [keys ? setBytes(keys) : 0, waiting.get(projection) ?? 0];
    if (bytes <= taken) return keys;
    if (allotment && !allotment.tryTake(bytes - taken)) return null;
    waiting.set(projection, bytes);
    return keys;
  };
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
        .reached(name, after, { signal: gone.signal, caller, as: 'subscription' })
        .then((reached) => {
          if (reached && !gone.signal.aborted) updates.listenFrom(positions.of(name), subscriber, name, visibility);
        })
        .catch((error) => mailbox.fail(error));
    }
  };
  const mailbox = new Mailbox<ProjectionUpdate>({
    signal,
    onCoalesced: () => observer.tell('messageCoalesced', undefined),
    merge: (before, now) => ({ ...now, keys: merged(before, now), lagMs: Math.max(before.lagMs, now.lagMs) }),
    start: begin,
    onClose: () => {
      gone.abort();
      leave?.();
    },
  });
  return mailbox;
}

/** Each key is looked up as written and in lower case. */
function keyBytes(keys: readonly string[]): number {
  return keys.reduce((bytes, key) => bytes + 2 * (KEY_BYTES + 2 * key.length), 0);
}

function setBytes(keys: ReadonlySet<string>): number {
  let bytes = KEY_BYTES;
  for (const key of keys) bytes += 64 + 2 * key.length;
  return bytes;
}

function union(a: ReadonlySet<string> | null, b: ReadonlySet<string> | null): ReadonlySet<string> | null {
  if (a === null || b === null) return null;
  if (a === b) return a;
  const both = new Set([...a, ...b]);
  return both.size > MAX_KEYS ? null : both;
}
