import { SYSTEM } from '../define/access/actor.ts';
import type { Aggregate } from '../define/aggregate.ts';
import type { EventTypes, NewEvent, NewEventOf, RecordedEvent } from '../define/event.ts';
import { deepFreeze } from './freeze.ts';

/** The time of position 0; each event occurs one second after the one before it. */
const BEGINNING = Date.parse('2026-01-01T00:00:00.000Z');

/**
 * A log for tests: `log` with events of one stream at its end, as the store would have recorded them. Positions and
 * versions go on from those in `log`, times are a second apart, ids are made from the position, so that all is the same
 * in each run.
 *
 * ```ts
 * const log = recorded(Loan, loanId, [BookLent({ … }), BookReturned({})], recorded(Member, memberId, [ … ]));
 * ```
 *
 * @throws {UnreadableEventError} if an event does not fit its schema.
 */
export function recorded<State, Events extends EventTypes>(
  aggregate: Aggregate<State, Events>,
  streamId: string,
  events: readonly NewEventOf<Events>[],
  log: readonly RecordedEvent[] = [],
): RecordedEvent[] {
  const before = log.filter((event) => event.streamType === aggregate.name && event.streamId === streamId).length;
  const head = log.at(-1)?.position ?? 0;
  const added = events.map((event, index): RecordedEvent => {
    const position = head + index + 1;
    const at = new Date(BEGINNING + position * 1000);
    const stored = asStored(aggregate, event);
    return {
      ...stored,
      summary: aggregate.events[event.type]?.summary(stored.data) ?? '',
      eventId: idOf(1, position),
      position,
      streamType: aggregate.name,
      streamId,
      version: before + index + 1,
      metadata: { actor: SYSTEM, correlationId: idOf(2, position) },
      commandId: idOf(3, position),
      occurredAt: at,
      recordedAt: at,
    };
  });
  return [...log, ...added];
}

/**
 * The event as the log returns it: converted to JSON and validated by its schema.
 * @throws {UnreadableEventError} if it does not fit its schema.
 */
export function asStored(aggregate: Aggregate, event: NewEvent): NewEvent {
  const definition = aggregate.events[event.type];
  if (!definition) throw new Error(`The aggregate ${aggregate.name} has no event ${event.type}.`);
  const data = definition.decode(JSON.parse(JSON.stringify(event.data)), definition.schemaVersion);
  return deepFreeze({ type: event.type, data });
}

function idOf(kind: number, position: number): string {
  return `00000000-000${kind}-7000-8000-${position.toString(16).padStart(12, '0')}`;
}
