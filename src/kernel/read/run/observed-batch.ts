import type { Clock } from '../../clock/clock.ts';
import type { RecordedEvent } from '../../define/event.ts';
import type { EngineObserver, FoldedBatch } from '../../observe/occurrences.ts';
import { inBatchSpan } from '../../observe/trace.ts';

/**
 * Applies a batch in a span that links to the spans of the commands behind its events.
 * @param apply resolves to the number of rows that were written.
 */
export async function inSpanOf(
  projection: string,
  events: readonly RecordedEvent[],
  clock: Clock,
  apply: () => Promise<number>,
): Promise<void> {
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
  await inBatchSpan(`project ${projection}`, attributes, parts, async (span) => {
    const rows = await apply();
    span?.setAttribute('afterwrite.rows', rows);
  });
}

/** The events that a projection has begun to apply and has not stored yet. */
export class Unstored {
  readonly #began = performance.now();
  /** When the oldest of them was recorded. */
  readonly recordedAt: Date;

  constructor(first: RecordedEvent) {
    this.recordedAt = first.recordedAt;
  }

  /**
   * Tells the observer that they are stored now.
   * @returns how long the oldest of them has waited, in ms.
   */
  stored(
    batch: Pick<FoldedBatch, 'projection' | 'events' | 'rows' | 'position'>,
    { observer, clock }: Observing,
  ): number {
    const lagMs = Math.max(0, clock.now() - this.recordedAt.getTime());
    observer.tell('batchFolded', { ...batch, ms: performance.now() - this.#began, lagMs });
    return lagMs;
  }
}

interface Observing {
  readonly observer: EngineObserver;
  readonly clock: Clock;
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
