import type { IdRules } from '../../write/id-rules.ts';
import type { Append } from './append.ts';

/** A batch that can be appended as a whole, because each append builds on the previous one for the same stream. */
export interface WholeBatch {
  readonly appends: readonly BatchedAppend[];
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
 * Computes the versions of a batch's streams before and after it.
 *
 * @param idRules which streams may have the same id.
 * @returns undefined if an append has to be judged separately: it expects no version, or not the one after the previous
 * append; it has no events; it occurred before now; it holds other streams; or another append begins a stream with the
 * same id.
 */
export function wholeBatch(appends: readonly Append[], idRules: IdRules): WholeBatch | undefined {
  const streams = new Map<string, { -readonly [Field in keyof BatchedStream]: BatchedStream[Field] }>();
  const begun = new Set<string>();
  const batched: BatchedAppend[] = [];
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
    } else if (stream.version !== before) return undefined;
    batched.push({ append, stream, before });
    stream.version += events.length;
  }
  return { appends: batched };
}
