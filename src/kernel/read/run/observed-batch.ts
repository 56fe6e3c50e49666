import type { Clock } from '../../clock/database-clock.ts';
import type { RecordedEvent } from '../../define/event.ts';
import type { EngineObserver } from '../../observe/occurrences.ts';
import { inBatchSpan } from '../../observe/trace.ts';

/**
 * Applies a batch in a span that links to the spans of the commands behind its events, and tells the observer once it is
 * committed.
 * @param apply resolves to the number of rows that changed.
 */
export async function observedBatch(
  projection: string,
  events: readonly RecordedEvent[],
  { observer, clock }: { readonly observer: EngineObserver; readonly clock: Clock },
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

/**
 * The event that an error is about, for logs. It is known if the error contains its position, or if the batch has only
 * one event.
 */
export function eventOf(error: unknown, events: readonly RecordedEvent[] = []): Readonly<Record<string, unknown>> {
  const position = (error as { readonly position?: unknown } | undefined)?.position;
  const event = events.length === 1 ? events[0] : events.find((each) => each.position === position);
  if (!event) return {};
  const { type: eventType, commandId, metadata } = event;
  return { eventPosition: event.position, eventType, commandId, correlationId: metadata.correlationId };
}
