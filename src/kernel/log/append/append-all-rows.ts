import type { IdRules } from '../../write/id-rules.ts';
import type { Append } from './append.ts';

/** A batch as `es.append_all` takes it. */
export interface WholeBatch {
  readonly appends: readonly object[];
  readonly events: readonly object[];
  /** Some of its streams have events already. */
  readonly hasKnownStreams: boolean;
}

/**
 * Appends that build on each other as their versions say, with everything counted that depends on the others of the batch.
 * Undefined if one of them has to be judged by itself: it expects no version or another one than the append before it
 * leaves, has no events, has occurred before now, holds other streams, or begins a stream whose id another append begins too.
 *
 * @param eventIds for each append those of its events.
 * @param idRules which streams may have the same id.
 */
export function wholeBatch(
  appends: readonly Append[],
  eventIds: readonly (readonly string[])[],
  idRules: IdRules,
): WholeBatch | undefined {
  interface Counted {
    /** Its place among the streams of the batch, from 1. */
    readonly n: number;
    readonly base: number;
    version: number;
    readonly entry: { w: number };
  }
  const streams = new Map<string, Counted>();
  const begun = new Set<string>();
  const entries: object[] = [];
  const events: object[] = [];
  let hasKnownStreams = false;
  for (const [index, append] of appends.entries()) {
    const { streamType: t, streamId: i, expectedVersion, commandId: c, formerCommandId: p, metadata: m } = append;
    if (expectedVersion === null || append.occurredAt || append.events.length === 0 || append.held?.length)
      return undefined;
    const key = `${t}/${i}`;
    let stream = streams.get(key);
    if (stream) {
      if (stream.version !== expectedVersion) return undefined;
      entries.push({ t, i, v: stream.base, c, p });
    } else {
      if (expectedVersion === 0 && !idRules.shared.has(t)) {
        if (begun.has(i)) return undefined;
        begun.add(i);
      }
      const entry = { t, i, v: expectedVersion, c, p, w: expectedVersion, x: idRules.sharedWith.get(t) };
      stream = { n: streams.size + 1, base: expectedVersion, version: expectedVersion, entry };
      streams.set(key, stream);
      entries.push(entry);
      hasKnownStreams ||= expectedVersion > 0;
    }
    const ids = eventIds[index] ?? [];
    const last = append.events.length - 1;
    for (const [nth, { type: y, schemaVersion: s, data: d }] of append.events.entries()) {
      const v = expectedVersion + nth + 1;
      events.push({ n: stream.n, v, c, ...(nth === last ? { f: append.fingerprint } : {}), m, e: ids[nth], y, s, d });
    }
    stream.version += append.events.length;
    stream.entry.w = stream.version;
  }
  return { appends: entries, events, hasKnownStreams };
}
