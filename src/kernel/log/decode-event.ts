import { type EventDefinition, type EventTypes, UnreadableEventError } from '../define/event.ts';
import { KeyringError } from '../privacy/keyring.ts';
import { type EventPlace, type KeyLookup, openData, SealError, sealOf } from '../privacy/sealed-data.ts';

/** The stored facts about an event's type. */
interface StoredType {
  readonly type: string;
  readonly schema_version: number | null;
  readonly position?: number;
}

/** The stored facts about an event. Its personal parts, if they are encrypted, are bound to its place. */
interface StoredEventFacts extends StoredType {
  readonly stream_type: string;
  readonly stream_id: string;
  readonly version: number;
}

/**
 * The data of a stored event, with its personal parts as they were or erased, converted to the newest schema version.
 * @param keys has the keys that the data needs; undefined if there is no keyring.
 * @throws {UnreadableEventError} with the event's position, if known.
 * @throws {KeyringError} KEYRING_UNSET if there is no keyring, and the data needs one.
 */
export function decodeEvent(
  events: EventTypes,
  data: unknown,
  stored: StoredEventFacts,
  keys: KeyLookup | undefined,
): unknown {
  return decodeAs(events[stored.type], sealOf(data) ? opened(data, stored, keys) : data, stored);
}

/** The data of an event without encrypted parts, with the definition of its type; undefined if this code has none. */
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

function opened(data: unknown, stored: StoredEventFacts, keys: KeyLookup | undefined): unknown {
  const place: EventPlace = { streamType: stored.stream_type, streamId: stored.stream_id, version: stored.version };
  if (!keys && sealOf(data)?.parts) throw noKeyring();
  try {
    return openData(data, place, keys ?? (() => 'lost'));
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    const { type, schema_version, position } = stored;
    throw new UnreadableEventError(type, schema_version ?? 0, error.message, { position });
  }
}

/** The log has encrypted parts, and this process was not told how to read them. */
export function noKeyring(): KeyringError {
  return new KeyringError(
    'KEYRING_UNSET',
    'The log has personal data that is encrypted, and KEYRING_URL is not set. Set it to the keyring with which it was encrypted.',
  );
}
