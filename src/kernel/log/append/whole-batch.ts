import type { IdRules } from '../../write/id-rules.ts';
import type { Append } from './append.ts';

/** A batch in which each append builds on the one before it for the same stream, so that it can be appended as a whole. */
export interface WholeBatch {
  readonly appends: readonly BatchedAppend[];
  /** Some of its streams have events already. */
  readonly hasKnownStreams: boolean;
}

interface BatchedAppend {
  readonly append: Append;
  readonly stream: BatchedStream;
  /** The stream's version before this append. */
  readonly before: number;
}

export interface BatchedStream {
  /** Its place among the streams of the batch, from 1. */
  readonly number: number;
  /** Its version before the batch. */
  readonly base: number;
  /** Its version after the batch. */
  readonly version: number;
}

/**
 * Counts what depends on the other appends of a batch.
 *
 * @param idRules which streams may have the same id.
 * @returns undefined if an append has to be judged by itself: it expects no version or not the one that the append before it
 *   leaves, has no events, has occurred before now, holds other streams, or begins a stream whose id another append begins too.
 */
export function wholeBatch(appends: readonly Append[], idRules: IdRules): WholeBatch | undefined {
  const streams = new Map<string, { -readonly [Field in keyof BatchedStream]: BatchedStream[Field] }>();
  const begun = new Set<string>();
  const batched: BatchedAppend[] = [];
  let hasKnownStreams = false;
  for (const append of appends) {
    const { streamType, streamId, expectedVersion: before, occurredAt, events, held } = append;
    if (before === null || occurredAt || events.length === 0 || held?.length) return undefined;
    const key = `${streamType}/${streamId}`;
    let stream = streams.get(key);
    if (!stream) {
      if (before === 0 && !idRules.shared.has(streamType)) {
        if (begun.has(streamId)) return undefined;
        begun.add(streamId);
      }
      stream = { number: streams.size + 1, base: before, version: before };
      streams.set(key, stream);
      hasKnownStreams ||= before > 0;
    } else if (stream.version !== before) return undefined;
    batched.push({ append, stream, before });
    stream.version += events.length;
  }
  return { appends: batched, hasKnownStreams };
}
