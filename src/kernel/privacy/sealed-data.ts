import type { PersonalPart } from '../define/personal/personal-parts.ts';
import { ERASED, type Subject } from '../define/personal/subject.ts';
import { openBox, sealBox } from './box.ts';
import { GONE, type Gone } from './keyring.ts';
import { elementsAt } from './pointers.ts';

/**
 * The member of an event's data in the log that says whom the event is about, and has its personal parts encrypted. The rest of the
 * data is as it was, without these parts.
 */
export const SEAL = '$personal';

/** Whom an event is about, with its personal parts, if it has any. */
export interface Seal {
  readonly of: Subject;
  readonly parts?: readonly SealedParts[];
}

/** The parts that are encrypted with one key. */
export interface SealedParts {
  /** Their places, as JSON pointers. */
  readonly at: readonly string[];
  /** The values as a JSON array: nonce, ciphertext and tag of AES-256-GCM, in base64. */
  readonly box: string;
  /** The last day on which they are kept, in UTC: `2027-01-31`. Absent if they are kept as long as their subject is not erased. */
  readonly until?: string;
  /** What stands for the values once they are erased; absent if that is `[erased]` for each. */
  readonly erased?: readonly unknown[];
}

/** Names a data key: that of a subject, or the one with which the parts are encrypted that it keeps until a day. */
export interface KeyRef {
  readonly subject: Subject;
  readonly until?: string | undefined;
}

/** `lost`: the key is not stored, although its subject was not erased. */
export type Lost = 'lost';
/** Finds a data key that was read before. */
export type KeyLookup = (ref: KeyRef) => Buffer | Gone | Lost;

/** The place of an event, to which its personal parts are bound. */
export interface EventPlace {
  readonly streamType: string;
  readonly streamId: string;
  readonly version: number;
}

/** Personal parts that cannot be opened, although their subject was not erased. */
export class SealError extends Error {}

/** A part to be sealed, with the last day on which it is kept. */
export interface PartToSeal extends PersonalPart {
  readonly until: string | undefined;
}

/** The seal of stored data; undefined if nothing of it is sealed. */
export function sealOf(stored: unknown): Seal | undefined {
  if (typeof stored !== 'object' || stored === null || !Object.hasOwn(stored, SEAL)) return undefined;
  return (stored as { readonly [SEAL]: Seal })[SEAL];
}

/** The keys that are needed to open a seal. */
export function keysOf({ of: subject, parts = [] }: Seal): KeyRef[] {
  return parts.map(({ until }) => ({ subject, until }));
}

/** The data as the log stores it: with its subject, and with its personal parts encrypted. */
export function sealData(
  data: unknown,
  { subject, parts }: { readonly subject: Subject; readonly parts: readonly PartToSeal[] },
  place: EventPlace,
  keys: KeyLookup,
): unknown {
  const elements = elementsAt(data);
  const groups = Map.groupBy(parts, ({ until }) => until);
  const sealed = [...groups].map(([until, group]): SealedParts => {
    const key = keys({ subject, until });
    if (typeof key === 'string') throw new SealError(`The key of ${subject} is ${key}.`);
    const at = group.map((part) => part.at);
    for (const each of at) elements.remove(each);
    const values = Buffer.from(JSON.stringify(group.map(({ value }) => value)));
    const erased = group.map((part) => part.erased);
    return {
      at,
      box: sealBox(key, values, boundTo(place, subject, { at, until })).toString('base64'),
      ...(until === undefined ? {} : { until }),
      ...(erased.every((value) => value === ERASED) ? {} : { erased }),
    };
  });
  const { root } = elements;
  const seal: Seal = { of: subject, ...(sealed.length > 0 ? { parts: sealed } : {}) };
  const isObject = typeof root === 'object' && root !== null && !Array.isArray(root);
  // Anything else has no room for a seal. If it has a personal part, it was that part as a whole.
  return isObject ? { ...root, [SEAL]: seal } : sealed.length > 0 ? { [SEAL]: seal } : root;
}

/**
 * Stored data as it was before it was sealed. Parts whose key was destroyed are replaced by what stands for them.
 * @throws {SealError} if a part cannot be opened, although its subject was not erased.
 */
export function openData(stored: unknown, place: EventPlace, keys: KeyLookup): unknown {
  const seal = sealOf(stored);
  if (!seal) return stored;
  return withParts(stored, seal, (parts) => {
    const key = keys({ subject: seal.of, until: parts.until });
    if (key === GONE) return erasedValues(parts);
    if (key === 'lost') {
      throw new SealError(
        `its personal data is encrypted with a key of ${seal.of}, which es.subject_keys does not have`,
      );
    }
    const content = openBox(key, Buffer.from(parts.box, 'base64'), boundTo(place, seal.of, parts));
    if (!content) throw new SealError(`its personal data is not what was encrypted for ${seal.of} in this event`);
    return JSON.parse(content.toString()) as unknown[];
  });
}

/** Stored data as if all of its personal parts were erased. Needs no key. */
export function maskedData(stored: unknown): unknown {
  const seal = sealOf(stored);
  return seal ? withParts(stored, seal, erasedValues) : stored;
}

/** Data that is not stored yet as if its personal parts were erased. */
export function maskParts(data: unknown, parts: readonly PersonalPart[]): unknown {
  const elements = elementsAt(data);
  for (const { at, erased } of parts) elements.put(at, erased);
  return elements.root;
}

function withParts(
  stored: unknown,
  { parts = [] }: Seal,
  valuesOf: (parts: SealedParts) => readonly unknown[],
): unknown {
  const { [SEAL]: _, ...rest } = stored as Readonly<Record<string, unknown>>;
  if (parts.length === 0) return rest;
  const elements = elementsAt(rest);
  for (const group of parts) {
    const values = valuesOf(group);
    for (const [nth, at] of group.at.entries()) elements.put(at, values[nth]);
  }
  return elements.root;
}

function erasedValues({ at, erased }: SealedParts): readonly unknown[] {
  return erased ?? at.map(() => ERASED);
}

/** A box opens only in the event, and for the places, for which it was sealed. */
function boundTo(
  { streamType, streamId, version }: EventPlace,
  subject: Subject,
  { at, until }: Pick<SealedParts, 'at'> & { readonly until?: string | undefined },
): string {
  return JSON.stringify([subject, until ?? null, streamType, streamId, version, at]);
}
