import type { RecordedEvent } from '../../define/event.ts';
import type { Key } from '../../define/read-model/projection.ts';

/** An event that a batch parks, completely or only for some rows. */
export interface ParkedEvent {
  readonly event: Pick<RecordedEvent, 'position' | 'streamType' | 'streamId' | 'type'>;
  readonly key: string;
  /** True if only its changes of the rows that belong to the key at this point are parked. The rest was applied. */
  readonly partial: boolean;
  /** The rows that belong to the key from this event on, by the texts of their keys. */
  readonly rows: Map<string, Key>;
  /** False if it is unknown which rows the event would change. */
  readonly rowsKnown: boolean;
  readonly error: string | null;
}

/** The parked and discarded events of a projection. Its next batches leave both out. */
export interface ParkedStreams {
  /** The streams whose events are parked, and under which key. */
  readonly streams: ReadonlyMap<string, string>;
  /** The key of each row that lacks events, by the text of the row's key. The row may not exist. */
  readonly rows: ReadonlyMap<string, string>;
  /** The keys, and the first event of each. */
  readonly since: ReadonlyMap<string, number>;
  /** Events that were discarded permanently: for all rows, or for these. */
  readonly discarded: ReadonlyMap<number, 'all' | ReadonlySet<string>>;
}

export const NOTHING_PARKED: ParkedStreams = {
  streams: new Map(),
  rows: new Map(),
  since: new Map(),
  discarded: new Map(),
};

export function isNothing({ since, discarded }: ParkedStreams): boolean {
  return since.size === 0 && discarded.size === 0;
}

/** The name of a stream in dead letters. It is also the key if an event of this stream was the first to fail. */
export function streamName({ streamType, streamId }: Pick<RecordedEvent, 'streamType' | 'streamId'>): string {
  return `${streamType}/${streamId}`;
}
