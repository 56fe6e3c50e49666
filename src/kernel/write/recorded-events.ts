import type { EventMetadata, RecordedEvent } from '../define/event.ts';
import type { Accepted, Append } from './append.ts';

/** A row of the log as the driver gives it; instants in ms. */
export interface EventRow {
  position: number;
  stream_type: string;
  stream_id: string;
  version: number;
  type: string;
  schema_version: number;
  data: unknown;
  metadata: string;
  command_id: string;
  event_id: string;
  occurred_ms: number;
  recorded_ms: number;
}

/** The events of an append as a reader of the log would get them, so that the projector need not read them. */
export function recordedEvents(
  append: Append,
  accepted: Accepted,
  row: { occurred_ms: number; recorded_ms: number },
  eventIds: readonly string[],
): RecordedEvent[] {
  const size = append.events.length;
  const occurredAt = new Date(row.occurred_ms);
  const recordedAt = new Date(row.recorded_ms);
  return append.events.map((event, nth) => ({
    eventId: eventIds[nth] ?? '',
    position: accepted.position - size + nth + 1,
    streamType: accepted.streamType,
    streamId: accepted.streamId,
    version: accepted.version - size + nth + 1,
    type: event.type,
    data: event.data,
    metadata: append.metadata,
    commandId: append.commandId,
    occurredAt,
    recordedAt,
  }));
}

/** An event as read; most readers never look at its metadata, so that it is parsed when somebody does. */
export class StoredEvent implements RecordedEvent {
  readonly eventId: string;
  readonly position: number;
  readonly streamType: string;
  readonly streamId: string;
  readonly version: number;
  readonly type: string;
  readonly data: unknown;
  readonly commandId: string;
  readonly occurredAt: Date;
  readonly recordedAt: Date;
  readonly #metadata: string;

  constructor(row: EventRow, data: unknown) {
    this.eventId = row.event_id;
    this.position = row.position;
    this.streamType = row.stream_type;
    this.streamId = row.stream_id;
    this.version = row.version;
    this.type = row.type;
    this.data = data;
    this.commandId = row.command_id;
    this.occurredAt = new Date(row.occurred_ms);
    this.recordedAt = new Date(row.recorded_ms);
    this.#metadata = row.metadata;
  }

  get metadata(): EventMetadata {
    return JSON.parse(this.#metadata);
  }
}
