import { hash } from 'node:crypto';
import type { EventTypes } from '../../define/event.ts';

/** Identifies what a snapshot was taken of. */
export interface SnapshotOf {
  readonly streamType: string;
  readonly streamId: string;
  readonly version: number;
  readonly stateVersion: number;
}

/** A snapshot as it is stored. The state is text, so that its hash stays valid whatever Postgres does with JSON. */
interface Sealed {
  readonly hash: string;
  readonly state: string;
  /** The aggregate's events as the code knew them that made the state: `name@version`. */
  readonly events: readonly string[];
}

/** A snapshot that is as it was stored. */
interface Opened {
  readonly state: unknown;
  /** Undefined if it was stored by an earlier version, which did not name the events. */
  readonly events: readonly string[] | undefined;
}

/**
 * Puts a state into the form in which it is stored.
 * @param events the events of its aggregate.
 */
export function sealSnapshot(of: SnapshotOf, events: EventTypes, state: unknown): Sealed {
  const text = JSON.stringify(state) ?? 'null';
  const names = namesOf(events);
  return { hash: hashOf(of, text, names), state: text, events: names };
}

/**
 * Opens a stored snapshot; undefined if it was changed since, or was stored by an earlier version, which had no hash.
 */
export function openSnapshot(of: SnapshotOf, stored: unknown): Opened | undefined {
  const { hash: expected, state, events } = (stored ?? {}) as Partial<Sealed>;
  if (typeof state !== 'string' || typeof expected !== 'string') return undefined;
  if (events !== undefined && !Array.isArray(events)) return undefined;
  return hashOf(of, state, events) === expected ? { state: JSON.parse(state), events } : undefined;
}

/**
 * Compares the code that took a snapshot with this code. A state is the result of all events before it, so code that
 * knows other events makes another state of the same stream.
 *
 * @param events the aggregate's events in this code.
 * @param all every event that this code can read.
 */
export function writerOf(
  snapshot: Pick<Opened, 'events'>,
  events: EventTypes,
  all: EventTypes,
): 'same code' | 'older code' | 'newer code' {
  const names = snapshot.events;
  if (!names) return 'older code';
  const ours = namesOf(events);
  if (names.length === ours.length && names.every((name, nth) => name === ours[nth])) return 'same code';
  return names.every((name) => isReadable(name, all)) ? 'older code' : 'newer code';
}

function isReadable(name: string, all: EventTypes): boolean {
  const at = name.lastIndexOf('@');
  const definition = all[name.slice(0, at)];
  return definition !== undefined && Number(name.slice(at + 1)) <= definition.schemaVersion;
}

const namesOfEvents = new WeakMap<EventTypes, readonly string[]>();

/** The names and schema versions of events, in a fixed order. */
function namesOf(events: EventTypes): readonly string[] {
  let names = namesOfEvents.get(events);
  if (!names) {
    names = Object.values(events)
      .map(({ eventName, schemaVersion }) => `${eventName}@${schemaVersion}`)
      .toSorted();
    namesOfEvents.set(events, names);
  }
  return names;
}

function hashOf(
  { streamType, streamId, version, stateVersion }: SnapshotOf,
  state: string,
  events: readonly string[] | undefined,
): string {
  const known = events ? `${events.join(' ')}\n` : '';
  return hash('sha256', `${streamType}/${streamId}/${version}/${stateVersion}\n${known}${state}`, 'base64');
}
