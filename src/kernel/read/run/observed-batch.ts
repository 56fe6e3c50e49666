import type { Clock } from '../../clock/database-clock.ts';
import type { RecordedEvent } from '../../define/event.ts';
import type { Observer } from '../../observe/observer.ts';
import { inBatchSpan } from '../../observe/trace.ts';

/**
 * Applies a batch where it can be seen: in a span that is linked with the commands behind its events, and told to the
 * observer once it is committed.
 * @param apply resolves to the number of rows that changed.
 */
export async function watchedBatch(
  projection: string,
  events: readonly RecordedEvent[],
  { observer, clock }: { readonly observer: Observer; readonly clock: Clock },
  apply: () => Promise<number>,
): Promise<void> {
  const began = performance.now();
  const first = events[0] as RecordedEvent;
  const { position } = events.at(-1) as RecordedEvent;
  const attributes = {
    'afterwrite.projection': projection,
    'afterwrite.events': events.length,
    'afterwrite.position': position,
  };
  const parts = {
    length: events.length,
    at: (index: number) => {
      const { metadata, recordedAt } = events[index] as RecordedEvent;
      return { traceparent: metadata.traceparent, ageMs: clock.now() - recordedAt.getTime() };
    },
  };
  const rows = await inBatchSpan(`project ${projection}`, attributes, parts, async (span) => {
    const changed = await apply();
    span?.setAttribute('afterwrite.rows', changed);
    return changed;
  });
  const lagMs = Math.max(0, clock.now() - first.recordedAt.getTime());
  observer.tell('batchFolded', {
    projection,
    events: events.length,
    rows,
    position,
    ms: performance.now() - began,
    lagMs,
  });
}

/** Whose event it was that an error is about, as far as that is known: where it names its position, or there was one only. */
export function culpritOf(error: unknown, events: readonly RecordedEvent[] = []): Readonly<Record<string, unknown>> {
  const position = (error as { readonly position?: unknown } | undefined)?.position;
  const culprit = events.length === 1 ? events[0] : events.find((event) => event.position === position);
  if (!culprit) return {};
  const { type: eventType, commandId, metadata } = culprit;
  return { eventPosition: culprit.position, eventType, commandId, correlationId: metadata.correlationId };
}
