import { type EventDefinition, type EventTypes, UnreadableEventError } from '../define/event.ts';

/** The stored facts about an event's type. */
interface StoredType {
  readonly type: string;
  readonly schema_version: number | null;
  readonly position?: number;
}

/**
 * The data of a stored event, converted to the newest schema version.
 * @throws {UnreadableEventError} with the event's position, if known.
 */
export function decodeEvent(events: EventTypes, data: unknown, stored: StoredType): unknown {
  return decodeAs(events[stored.type], data, stored);
}

/** The same with the definition of its type; undefined if this code has none. */
export function decodeAs(
  definition: EventDefinition | undefined,
  data: unknown,
  { type, schema_version, position }: StoredType,
): unknown {
  const schemaVersion = schema_version ?? 0;
  if (!definition) {
    throw new UnreadableEventError(type, schemaVersion, 'no domain defines this event', { position, isNewer: true });
  }
  try {
    return definition.decode(data, schemaVersion);
  } catch (error) {
    throw error instanceof UnreadableEventError ? error.at(position) : error;
  }
}
