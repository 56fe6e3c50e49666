/** Bytes that V8 takes for an object or array without its contents. */
const HEADER = 32;
/** Bytes of one slot: a property, an element, a number. */
const SLOT = 8;

/**
 * About how many bytes a value of JSON takes in memory; never far too little. A text counts two bytes a character, as if it
 * had one that is not Latin-1. The caller bounds a cache or a queue with the sum.
 */
export function approximateBytes(value: unknown): number {
  let bytes = shallowBytes(value);
  if (typeof value !== 'object' || value === null) return bytes;
  // Not by recursion: what somebody sends may be nested deeper than the stack is.
  const left: object[] = [value];
  for (let next = left.pop(); next; next = left.pop()) {
    for (const element of Array.isArray(next) ? next : Object.values(next)) {
      bytes += SLOT + shallowBytes(element);
      if (typeof element === 'object' && element !== null) left.push(element);
    }
  }
  return bytes;
}

function shallowBytes(value: unknown): number {
  if (typeof value === 'string') return HEADER + 2 * value.length;
  return typeof value === 'object' && value !== null ? HEADER : SLOT;
}

/** Bytes of an event or an append without its data: ids, metadata, instants. */
const ENVELOPE = 1024;

/** About how many bytes an event takes in memory. */
export function eventBytes({ data }: { readonly data: unknown }): number {
  return ENVELOPE + approximateBytes(data);
}

export function bytesOf(events: readonly { readonly data: unknown }[]): number {
  return events.reduce((sum, event) => sum + eventBytes(event), 0);
}

/** About how many bytes the data of events takes in memory. @param bytes of the events, if that is known: see {@link bytesOf}. */
export function dataBytesOf(events: readonly { readonly data: unknown }[], bytes = bytesOf(events)): number {
  return bytes - ENVELOPE * events.length;
}

/** Bytes in memory of the events that are taken from the log together, about. */
export const PAGE_BYTES = 8 * 2 ** 20;
