import { isDeepStrictEqual } from 'node:util';
import { approximateBytes } from '../../../kernel/bytes.ts';
import type { Projection } from '../../../kernel/define/read-model/projection.ts';
import { Mailbox } from '../../../kernel/notify/mailbox.ts';
import type { RowValues } from '../../../kernel/read/fold/working-rows.ts';
import type { Context } from '../../context.ts';
import { BadUserInputError } from '../../errors.ts';
import { keyFor } from '../../read/text.ts';
import { isVisible, type Visibility } from '../../read/visibility.ts';
import type { ReadRow } from './live-rows.ts';

const sizes = new WeakMap<RowValues, number>();

/** Bytes of a row. Everyone who watches it shares one object, so it is measured once. */
function rowBytes(row: RowValues): number {
  let bytes = sizes.get(row);
  if (bytes === undefined) {
    bytes = approximateBytes(row);
    sizes.set(row, bytes);
  }
  return bytes;
}

/** A row as its read model had it at a position or later. */
export interface LiveRow extends ReadRow {
  readonly row: RowValues;
}

/**
 * A row now, and again each time it changes, for one subscriber. With `after`, a position, the first message waits
 * until the read models have reached it. The subscription ends if the row is deleted or the subscriber may no longer
 * see it.
 *
 * The row is watched before it is first read, so no change in between is missed.
 * @throws {BadUserInputError} as the first message, if there is no such row that the subscriber may see.
 */
export function liveRow(
  projection: Projection,
  key: string,
  after: number | undefined,
  context: Context,
): AsyncIterableIterator<LiveRow> {
  const { live, engine, observer, operation, rows, consistency, caller } = context;
  const { signal, allotment } = operation;
  const { positions } = engine.readSide;
  const text = keyFor(projection, key);
  const gone = new AbortController();
  let stopWatching: (() => void) | undefined;
  /**
   * A read of an earlier position arrived too late. The row's own version may decrease: a rebuild uses another fold.
   */
  let freshest = 0;
  let shown: RowValues | undefined;
  let visibility: Visibility = [];
  const show = (read: ReadRow) => {
    const { row, position } = read;
    if (position < freshest) return;
    freshest = position;
    if (row && isVisible(visibility, row)) {
      if (!hold(rowBytes(row))) return;
      const isShown = row === shown || isDeepStrictEqual(row, shown);
      // Everyone who watches the row keeps the same object.
      shown = row;
      if (isShown) return;
      // The same object for everybody: they can share the message that is made of it.
      mailbox.put('row', read as LiveRow);
    } else if (shown) {
      mailbox.end();
    } else {
      mailbox.fail(new BadUserInputError(`There is no ${projection.name} row ${text} that you may see.`));
    }
  };
  /** Bytes of the row that is kept for comparison, and of the one that waits to be sent. */
  let held = 0;
  const hold = (bytes: number) => {
    try {
      if (bytes > held) allotment?.take(bytes - held);
      else allotment?.give(held - bytes);
      held = bytes;
      return true;
    } catch (error) {
      mailbox.fail(error);
      return false;
    }
  };
  const begin = async () => {
    // Like a query, the first message waits for everything that its fields are resolved from.
    const needed = new Set([projection.name, ...(consistency.touched ?? [])]);
    const waiting = { signal: gone.signal, caller, as: 'subscription' } as const;
    await Promise.all([...needed].map((name) => positions.reached(name, after ?? 0, waiting)));
    if (gone.signal.aborted) return;
    const position = positions.of(projection.name);
    freshest = position;
    stopWatching = live.watch(projection, text, show);
    rows.clear();
    const row = (await rows.byKey(projection, text)) as RowValues | null;
    // A change that arrived meanwhile was read later: keep it.
    if (!shown) show({ row, position });
  };
  const mailbox = new Mailbox<LiveRow>({
    signal,
    onCoalesced: () => observer.tell('messageCoalesced', undefined),
    start: () => {
      // Check the right to see anything at all before the row is watched.
      visibility = rows.visibility(projection);
      begin().catch((error) => mailbox.fail(error));
    },
    onClose: () => {
      gone.abort();
      stopWatching?.();
    },
  });
  return mailbox;
}
