import { createHash, hash } from 'node:crypto';
import type { EventTypes } from '../../define/event.ts';
import { openBox, sealBox } from '../../privacy/box.ts';
import { GONE, type Gone } from '../../privacy/keyring.ts';
import type { KeyLookup, KeyRef } from '../../privacy/sealed-data.ts';
import { noKeyring } from '../decode-event.ts';

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
  /** The state as JSON. If it has personal data: the encrypted JSON, in base64. */
  readonly state: string;
  /** The aggregate's events as the code knew them that made the state: `name@version`. */
  readonly events: readonly string[];
  /** The keys of everybody whose personal data the state may have: it is encrypted with all of them together. Absent if nobody's. */
  readonly keys?: readonly KeyRef[];
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
 * @param personal the keys of everybody whose personal data it may have.
 * @returns undefined if one of the keys does not exist any more: then the state has what should be erased.
 */
export function sealSnapshot(of: SnapshotOf, events: EventTypes, state: unknown): Sealed;
export function sealSnapshot(
  of: SnapshotOf,
  events: EventTypes,
  state: unknown,
  personal: { readonly refs: readonly KeyRef[]; readonly keys: KeyLookup } | undefined,
): Sealed | undefined;
export function sealSnapshot(
  of: SnapshotOf,
  events: EventTypes,
  state: unknown,
  personal?: { readonly refs: readonly KeyRef[]; readonly keys: KeyLookup },
): Sealed | undefined {
  const text = JSON.stringify(state) ?? 'null';
  const names = namesOf(events);
  if (!personal) return { hash: hashOf(of, text, names), state: text, events: names };
  const { refs, keys } = personal;
  const key = keyOfAll(refs, keys);
  if (!key) return undefined;
  const box = sealBox(key, Buffer.from(text), placeOf(of)).toString('base64');
  return { hash: hashOf(of, box, names), state: box, events: names, keys: refs };
}

/** The keys that are needed to open a stored snapshot. */
export function keysOfSnapshot(stored: unknown): readonly KeyRef[] {
  return ((stored ?? {}) as Partial<Sealed>).keys ?? [];
}

/** True if a stored snapshot is as it was stored. */
export function isIntact(of: SnapshotOf, stored: unknown): boolean {
  const { hash: expected, state, events } = (stored ?? {}) as Partial<Sealed>;
  if (typeof state !== 'string' || typeof expected !== 'string') return false;
  return (events === undefined || Array.isArray(events)) && hashOf(of, state, events) === expected;
}

/**
 * Opens a stored snapshot; undefined if it was changed since, or was stored by an earlier version, which had no hash.
 * @param keys has the keys that it needs; undefined if there is no keyring.
 * @returns `gone` if one of its keys does not exist any more, because somebody whose data it may have was erased.
 * @throws {KeyringError} KEYRING_UNSET
 */
export function openSnapshot(of: SnapshotOf, stored: unknown, keys?: KeyLookup): Opened | Gone | undefined {
  if (!isIntact(of, stored)) return undefined;
  const { state, events, keys: refs } = stored as Sealed;
  if (!refs) return { state: JSON.parse(state), events };
  if (!keys) throw noKeyring();
  const key = keyOfAll(refs, keys);
  if (!key) return GONE;
  const text = openBox(key, Buffer.from(state, 'base64'), placeOf(of));
  return text && { state: JSON.parse(text.toString()), events };
}

/** A key that nobody has without having each of these; undefined if one of them does not exist. */
function keyOfAll(refs: readonly KeyRef[], keys: KeyLookup): Buffer | undefined {
  const sum = createHash('sha256').update('afterwrite snapshot\n');
  for (const ref of refs) {
    const key = keys(ref);
    if (typeof key === 'string') return undefined;
    sum.update(key);
  }
  return sum.digest();
}

function placeOf({ streamType, streamId, version, stateVersion }: SnapshotOf): string {
  return `${streamType}/${streamId}/${version}/${stateVersion}`;
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

function hashOf(of: SnapshotOf, state: string, events: readonly string[] | undefined): string {
  const known = events ? `${events.join(' ')}\n` : '';
  return hash('sha256', `${placeOf(of)}\n${known}${state}`, 'base64');
}
