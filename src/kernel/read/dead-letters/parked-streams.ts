import type { RecordedEvent } from '../../define/event.ts';
import type { Key } from '../../define/read-model/projection.ts';

/** An event, or a part of what it does, that a batch parks. */
export interface ParkedEvent {
  readonly event: Pick<RecordedEvent, 'position' | 'streamType' | 'streamId' | 'type'>;
  readonly key: string;
  /** Only what it does to the rows that the key has by then is parked. The rest was applied. */
  readonly partial: boolean;
  /** The rows that belong to the key from this event on, by the texts of their keys. */
  readonly rows: Map<string, Key>;
  /** False if it is not known which rows the event would change. */
  rowsKnown: boolean;
  readonly error: string | null;
}

/** What is parked of a projection, and what was discarded. Its next batches leave both out. */
export interface ParkedStreams {
  /** The streams whose events are parked, and under which key. */
  readonly streams: ReadonlyMap<string, string>;
  /** The rows that lack events, by the texts of their keys, and the key that each belongs to; the row may not exist. */
  readonly rows: ReadonlyMap<string, string>;
  /** The keys, and the first event of each. */
  readonly since: ReadonlyMap<string, number>;
  /** Events that were discarded for good: for all rows, or for these. */
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

/** The name of a stream in dead letters, which is also the key if the stream's event is the first. */
export function streamName({ streamType, streamId }: Pick<RecordedEvent, 'streamType' | 'streamId'>): string {
  return `${streamType}/${streamId}`;
}
