import type { RecordedEvent } from '../../define/event.ts';
import type { Change, Key, Projection } from '../../define/projection.ts';
import { changesOrPoison, type Wanted, WantedRows } from '../fold/fold-batch.ts';
import { keyText, matches, type Slot, Slots, type StoredRow } from '../fold/working-rows.ts';
import type { StoredLetter } from './dead-letter-store.ts';
import type { Parked } from './parked-streams.ts';
import { FoldError } from './poison.ts';

/** An event that waits, with what it changes. */
export interface WaitingEvent {
  readonly letter: StoredLetter;
  readonly event: RecordedEvent;
  readonly changes: readonly Change[];
}

/** An event that waits under one key changes a row that another key has: the two have to become one first. */
export class OtherKeyError extends Error {
  readonly key: string;

  constructor(key: string) {
    super(`It changes a row of ${key}.`);
    this.name = 'OtherKeyError';
    this.key = key;
  }
}

/**
 * What some events that wait change, in the order in which they wait, and what has to be read to apply it.
 * @throws {FoldError} where a handler throws.
 */
export function planParked(
  projection: Projection,
  letters: readonly StoredLetter[],
  events: readonly RecordedEvent[],
): { readonly waiting: readonly WaitingEvent[]; readonly wanted: Wanted } {
  const wanted = new WantedRows();
  const byPosition = new Map(events.map((event) => [event.position, event]));
  const waiting = letters.map((letter) => {
    const event = byPosition.get(letter.position);
    if (!event) throw new Error(`The log has no event at position ${letter.position}.`);
    const changes = changesOrPoison(projection, event);
    for (const change of changes) wanted.add(change);
    return { letter, event, changes };
  });
  return { waiting, wanted };
}

/** Rows after events that had to wait. */
export interface FoldedParked {
  readonly slots: Slots;
  /** The rows that the key has by then. */
  readonly rows: ReadonlyMap<string, Key>;
  /** The key has more rows than was known when its events were put aside. */
  readonly hasMoreRows: boolean;
  /** Those of them that were not there, and the first event that made one: nothing says which others have missed it since. */
  readonly made: { readonly rows: ReadonlySet<string>; readonly by: RecordedEvent } | undefined;
}

/**
 * Applies events that had to wait to the rows that waited for them: each event to the rows that its key had by then. Where it
 * was not known which rows an event changes, it may turn out that one of them has had later events: then it is too late.
 *
 * @throws {FoldError} where a change throws, or it is too late.
 * @throws {OtherKeyError} where a row is another key's.
 */
export function foldParked(
  projection: Projection,
  key: string,
  waiting: readonly WaitingEvent[],
  present: readonly StoredRow[],
  parked: Pick<Parked, 'rows'>,
): FoldedParked {
  const slots = new Slots(projection, present);
  const rows = new Map<string, Key>();
  const more: { readonly slot: Slot; readonly wasThere: boolean; readonly event: RecordedEvent }[] = [];
  for (const { letter, event, changes } of waiting) {
    for (const row of letter.rows) rows.set(keyText(row), row);
    const { position, partial, rowsKnown } = letter;
    for (const change of changes) {
      try {
        for (const slot of change.kind === 'updateWhere' ? slots.all() : [slots.of(change.key)]) {
          if (change.kind === 'updateWhere' && !matches(slot, change)) continue;
          if (!rows.has(slot.text)) {
            if (partial) continue;
            const owner = parked.rows.get(slot.text);
            const isOthers = owner !== undefined && owner !== key;
            // What it does to the rows of others by their value waits there.
            if (change.kind === 'updateWhere' && (isOthers || (rowsKnown && slot.before > position))) continue;
            if (isOthers) throw new OtherKeyError(owner);
            if (slot.before > position) throw new TooLateError(projection.name);
            rows.set(slot.text, slot.key);
            more.push({ slot, wasThere: slot.row !== undefined, event });
          }
          slots.apply(slot, change, event);
        }
      } catch (error) {
        throw error instanceof OtherKeyError ? error : new FoldError(projection.name, event, error);
      }
    }
  }
  const made = more.filter(({ slot, wasThere }) => !wasThere && slot.changed);
  const by = made[0]?.event;
  return {
    slots,
    rows,
    hasMoreRows: more.length > 0,
    made: by && { rows: new Set(made.map(({ slot }) => slot.text)), by },
  };
}

/** Rows have had later events by now, so that this one cannot be applied in order any more. */
export class TooLateError extends Error {
  readonly code = 'TOO_LATE';

  constructor(projection: string) {
    const name = projection.split('#', 1)[0];
    super(
      'when it was put aside it could not be known which rows it changes, and some have had later events since: ' +
        `rebuild the read model with \`projections rebuild ${name}\``,
    );
    this.name = 'TooLateError';
  }
}
