import { Mailbox } from '../../kernel/notify/mailbox.ts';
import { positionOf } from '../consistency/wait.ts';
import type { Context } from '../context.ts';
import { BadUserInputError } from '../errors.ts';
import { keyFor } from '../read/rows.ts';
import { isVisible } from '../read/visibility.ts';

/** Keys that one message names; of more it says null. */
const MAX_KEYS = 100;

export interface ProjectionUpdate {
  readonly projection: string;
  readonly position: number;
  readonly keys: ReadonlySet<string> | null;
  readonly lagMs: number;
}
export interface CaughtUp {
  readonly projection: string;
  readonly position: number;
  readonly waitedMs: number;
}

/**
 * Tells one subscriber that read models have moved on: one waiting message a projection, however much happens before it is
 * read.
 */
export function projectionUpdates(
  args: {
    projections?: readonly string[] | null | undefined;
    keys?: readonly string[] | null | undefined;
    after?: number | undefined;
  },
  context: Context,
): AsyncIterableIterator<ProjectionUpdate> {
  const { engine, observer, signal } = context;
  const { positions, hub } = engine.readSide;
  const projections = readable(namesOf(args.projections, context), args.projections != null, context);
  // Ids are written in lower case, other keys as they are.
  const wanted = args.keys ? new Set(args.keys.flatMap((key) => [key, key.toLowerCase()])) : undefined;
  const gone = new AbortController();
  const after = args.after ?? 0;
  /** Those of which nothing is told yet: their first message, once they are at `after`, stands for all of their rows. */
  const behind = new Set(args.after === undefined ? [] : projections);
  /** The position that was told last of each: the next one is not before it. */
  const told = new Map<string, number>();
  /** Those that were set back, as by a crash of Postgres: until they are where they were, nothing is told of them. */
  const setBack = new Set<string>();
  const put = (update: ProjectionUpdate) => {
    told.set(update.projection, update.position);
    mailbox.put(update.projection, update);
  };
  let stop: (() => void) | undefined;
  const mailbox = new Mailbox<ProjectionUpdate>({
    signal,
    onCoalesced: () => observer.coalesced(),
    merge: (before, now) => ({ ...now, keys: union(before.keys, now.keys), lagMs: Math.max(before.lagMs, now.lagMs) }),
    start: () => {
      stop = hub.listen(projections, ({ projection, position, keys, lagMs }) => {
        if (behind.has(projection)) return;
        if (position < (told.get(projection) ?? 0)) {
          setBack.add(projection);
          return;
        }
        const changed = setBack.delete(projection) ? null : keys;
        const relevant = changed && wanted ? new Set([...changed].filter((key) => wanted.has(key))) : changed;
        if (relevant === null || relevant.size > 0) put({ projection, position, keys: atMost(relevant), lagMs });
      });
      for (const projection of behind) {
        positions
          .reached(projection, after, { signal: gone.signal, as: 'subscription' })
          .then((reached) => {
            if (!reached) return;
            behind.delete(projection);
            put({ projection, position: positions.of(projection), keys: null, lagMs: 0 });
          })
          .catch((error) => mailbox.fail(error));
      }
    },
    onClose: () => {
      gone.abort();
      stop?.();
    },
  });
  return mailbox;
}

/**
 * The messages as their reader may know them: with the keys of rows that she may see, and none where she may see none of
 * those that changed. Where she sees only some rows of a read model they are looked up; a row that is gone is nobody's.
 */
export function visibleUpdates(
  messages: AsyncIterableIterator<ProjectionUpdate>,
  context: Context,
): AsyncIterableIterator<ProjectionUpdate> {
  return {
    next: async () => {
      for (;;) {
        const result = await messages.next();
        if (result.done) return result;
        const keys = await visibleKeys(result.value, context);
        if (keys === null || keys.size > 0) return { value: { ...result.value, keys }, done: false };
      }
    },
    return: async () => (await messages.return?.()) ?? { value: undefined, done: true },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

async function visibleKeys(update: ProjectionUpdate, context: Context): Promise<ReadonlySet<string> | null> {
  const projection = context.engine.registry.projections.get(update.projection);
  if (update.keys === null || !projection) return null;
  const visibility = context.rows.visibility(projection);
  if (visibility === 'all') return update.keys;
  if (projection.key.length > 1) return null;
  // Not as they were when the last message was looked at.
  context.rows.clear();
  const keys = [...update.keys];
  const rows = await Promise.all(keys.map((key) => context.rows.byKey(projection, keyFor(projection, key))));
  return new Set(keys.filter((_, index) => rows[index] && isVisible(visibility, rows[index])));
}

/** One message for each projection as it reaches a token's position; then the end. */
export function caughtUp(
  args: { token: string; projections?: readonly string[] | null | undefined },
  context: Context,
): AsyncIterableIterator<CaughtUp> {
  const { engine, signal } = context;
  const { positions } = engine.readSide;
  const projections = namesOf(args.projections, context);
  const gone = new AbortController();
  const begin = async () => {
    const began = performance.now();
    const position = await positionOf(engine, args.token);
    await Promise.all(
      projections.map(async (projection) => {
        if (!(await positions.reached(projection, position, { signal: gone.signal, as: 'subscription' }))) return;
        const waitedMs = Math.round(performance.now() - began);
        mailbox.put(projection, { projection, position: positions.of(projection), waitedMs });
      }),
    );
    mailbox.end();
  };
  const mailbox = new Mailbox<CaughtUp>({
    signal,
    start: () => void begin().catch((error) => mailbox.fail(error)),
    onClose: () => gone.abort(),
  });
  return mailbox;
}

/**
 * The read models of which the caller may see anything. @throws UnauthenticatedError, ForbiddenError where one that she
 * names herself is not among them.
 */
function readable(names: readonly string[], named: boolean, { engine, rows }: Context): string[] {
  return names.filter((name) => {
    const projection = engine.registry.projections.get(name);
    try {
      if (projection) rows.visibility(projection);
      return true;
    } catch (error) {
      if (named) throw error;
      return false;
    }
  });
}

function namesOf(wanted: readonly string[] | null | undefined, { engine }: Context): string[] {
  const all = engine.readSide.positions;
  const unknown = wanted?.find((name) => !all.has(name));
  if (unknown !== undefined) {
    throw new BadUserInputError(
      `There is no read model ${JSON.stringify(unknown)}; there are ${all.names.join(', ')}.`,
    );
  }
  return wanted ? [...new Set(wanted)] : all.names;
}

function union(a: ReadonlySet<string> | null, b: ReadonlySet<string> | null): ReadonlySet<string> | null {
  return a === null || b === null ? null : atMost(new Set([...a, ...b]));
}

function atMost(keys: ReadonlySet<string> | null): ReadonlySet<string> | null {
  return keys && keys.size > MAX_KEYS ? null : keys;
}
