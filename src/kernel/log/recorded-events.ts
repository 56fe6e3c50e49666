import {
  type EventDefinition,
  type EventMetadata,
  type EventTypes,
  type RecordedEvent,
  UnreadableEventError,
} from '../define/event.ts';
import type { Subject } from '../define/personal/subject.ts';
import { maskedData, sealOf } from '../privacy/sealed-data.ts';
import type { Accepted, Append } from './append/append.ts';
import { decodeAs } from './decode-event.ts';

/** A row of the log as the driver returns it; instants in ms. */
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

/** The events of an append, as a reader of the log would get them, so that they need not be read from the database. */
export function recordedEvents(
  append: Append,
  accepted: Accepted,
  row: { occurred_ms: number; recorded_ms: number },
  eventIds: readonly string[],
  definitions: EventTypes,
): RecordedEvent[] {
  const size = append.events.length;
  const occurredAt = new Date(row.occurred_ms);
  const recordedAt = new Date(row.recorded_ms);
  return append.events.map(
    (event, nth) =>
      new AppendedEvent(
        {
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
          subject: event.seal?.subject,
        },
        definitions[event.type],
      ),
  );
}

/** An event that this process has appended. Its summary is rarely needed, and therefore computed on demand. */
class AppendedEvent implements RecordedEvent {
  declare readonly eventId: string;
  declare readonly position: number;
  declare readonly streamType: string;
  declare readonly streamId: string;
  declare readonly version: number;
  declare readonly type: string;
  declare readonly data: unknown;
  declare readonly metadata: EventMetadata;
  declare readonly commandId: string;
  declare readonly occurredAt: Date;
  declare readonly recordedAt: Date;
  declare readonly subject: Subject | undefined;
  readonly #definition: EventDefinition | undefined;

  constructor(event: Omit<RecordedEvent, 'summary'>, definition: EventDefinition | undefined) {
    Object.assign(this, event);
    this.#definition = definition;
  }

  get summary(): string {
    return this.#definition?.summary(this.data) ?? '';
  }
}

/** An event that was read from the log. Its metadata is parsed on demand, because most readers never need it. */
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
  readonly subject: Subject | undefined;
  readonly #metadata: string;
  readonly #definition: EventDefinition | undefined;
  /** Schema version of unconverted data; undefined if the data has the newest version. */
  readonly #schemaVersion: number | undefined;

  /** @param stored true if the data is unconverted. */
  constructor(row: EventRow, data: unknown, definition: EventDefinition | undefined, stored: boolean) {
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
    this.subject = sealOf(row.data)?.of;
    this.#metadata = row.metadata;
    this.#definition = definition;
    this.#schemaVersion = stored ? row.schema_version : undefined;
  }

  get metadata(): EventMetadata {
    return JSON.parse(this.#metadata);
  }

  /** @throws {UnreadableEventError} if only newer code can read the event: it has a summary there. */
  get summary(): string {
    const { type, position, data } = this;
    const definition = this.#definition;
    const version = this.#schemaVersion;
    try {
      // The summary has no personal parts, so nothing need be decrypted for it.
      const newest =
        version === undefined
          ? data
          : decodeAs(definition, maskedData(data), { type, schema_version: version, position });
      return definition?.summary(newest) ?? '';
    } catch (error) {
      if (error instanceof UnreadableEventError && !error.isNewer) return '';
      throw error;
    }
  }
}
