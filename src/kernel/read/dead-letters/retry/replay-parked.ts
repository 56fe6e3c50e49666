import type { RecordedEvent } from '../../../define/event.ts';
import type { Change, Key, Projection } from '../../../define/read-model/projection.ts';
import { changesOrPoison, type RowsToRead, WantedRows } from '../../fold/fold-batch.ts';
import { keyText, matches, type RowWithMeta, type WorkingRow, WorkingRows } from '../../fold/working-rows.ts';
import type { StoredParkedEvent } from '../dead-letter-store.ts';
import type { ParkedStreams } from '../parked-streams.ts';
import { FoldError } from '../poison.ts';

/** A parked event with its change. */
export interface WaitingEvent {
  readonly parkedEvent: StoredParkedEvent;
  readonly event: RecordedEvent;
  readonly changes: readonly Change[];
}

/** An event of one key changes a row of another key. The two keys have to be merged first. */
export class OtherKeyError extends Error {
  readonly key: string;

  constructor(key: string) {
    super(`It changes a row of ${key}.`);
    this.name = 'OtherKeyError';
    this.key = key;
  }
}

/**
 * Computes the changes of parked events, in order, and the rows that must be read to apply them.
 * @throws {FoldError} if a handler throws.
 */
export function planParked(
  projection: Projection,
  parkedEvents: readonly StoredParkedEvent[],
  events: readonly RecordedEvent[],
): { readonly waiting: readonly WaitingEvent[]; readonly wanted: RowsToRead } {
  const wanted = new WantedRows();
  const byPosition = new Map(events.map((event) => [event.position, event]));
  const waiting = parkedEvents.map((parkedEvent) => {
    const event = byPosition.get(parkedEvent.position);
    if (!event) throw new Error(`The log has no event at position ${parkedEvent.position}.`);
    const changes = changesOrPoison(projection, event);
    for (const change of changes) wanted.add(change);
    return { parkedEvent, event, changes };
  });
  return { waiting, wanted };
}

/** Rows after a replay of parked events. */
export interface ReplayedParked {
  readonly workingRows: WorkingRows;
  /** The rows that belong to the key after the replay. */
  readonly rows: ReadonlyMap<string, Key>;
  /** True if the key has more rows than were known when its events were parked. */
  readonly hasMoreRows: boolean;
  /** Rows created by this replay, and the event that created the first. Later events may have skipped them: see missed-events.ts. */
  readonly made: { readonly rows: ReadonlySet<string>; readonly by: RecordedEvent } | undefined;
}

/**
 * Applies parked events, each to the rows that its key had at that point. If it was unknown which rows an event
 * changes, one of them may have had later events: then it is too late.
 *
 * @throws {FoldError} if a change throws, or it is too late.
 * @throws {OtherKeyError} if a row belongs to another key.
 */
export function replayParked(
  projection: Projection,
  readModel: string,
  key: string,
  waiting: readonly WaitingEvent[],
  present: readonly RowWithMeta[],
  parked: Pick<ParkedStreams, 'rows'>,
): ReplayedParked {
  const workingRows = new WorkingRows(projection, present);
  const rows = new Map<string, Key>();
  const more: { readonly workingRow: WorkingRow; readonly wasThere: boolean; readonly event: RecordedEvent }[] = [];
  for (const { parkedEvent, event, changes } of waiting) {
    for (const row of parkedEvent.rows) rows.set(keyText(row), row);
    const { position, partial, rowsKnown } = parkedEvent;
    for (const change of changes) {
      try {
        for (const workingRow of change.kind === 'updateWhere' ? workingRows.all() : [workingRows.of(change.key)]) {
          if (change.kind === 'updateWhere' && !matches(workingRow, change)) continue;
          if (!rows.has(workingRow.text)) {
            if (partial) continue;
            const owner = parked.rows.get(workingRow.text);
            const isOthers = owner !== undefined && owner !== key;
            // Changes by value of rows of other keys are parked under those keys.
            if (change.kind === 'updateWhere' && (isOthers || (rowsKnown && workingRow.before > position))) continue;
            if (isOthers) throw new OtherKeyError(owner);
            if (workingRow.before > position) throw new TooLateError(readModel);
            rows.set(workingRow.text, workingRow.key);
            more.push({ workingRow, wasThere: workingRow.row !== undefined, event });
          }
          workingRows.apply(workingRow, change, event);
        }
      } catch (error) {
        throw error instanceof OtherKeyError ? error : new FoldError(projection.name, event, error);
      }
    }
  }
  const made = more.filter(({ workingRow, wasThere }) => !wasThere && workingRow.changed);
  const by = made[0]?.event;
  return {
    workingRows,
    rows,
    hasMoreRows: more.length > 0,
    made: by && { rows: new Set(made.map(({ workingRow }) => workingRow.text)), by },
  };
}

/** Rows have had later events, so this one cannot be applied in order any more. */
export class TooLateError extends Error {
  readonly code = 'TOO_LATE';

  constructor(readModel: string) {
    super(
      'when it was parked, it was unknown which rows it changes, and some have had later events since: ' +
        `rebuild the read model with \`projections rebuild ${readModel}\``,
    );
    this.name = 'TooLateError';
  }
}
