/** Bytes that V8 uses for an object or array without its contents. */
const HEADER = 32;
/** Bytes of one slot: a property, an element, a number. */
const SLOT = 8;
/** Approximate bytes of a `Date`. */
export const DATE_BYTES = HEADER;

/**
 * The approximate memory of a JSON value in bytes. It may be too high, but never far too low: every character counts
 * two bytes, although Latin-1 text needs only one. Callers bound caches and queues with the sum.
 */
export function approximateBytes(value: unknown): number {
  let bytes = shallowBytes(value);
  if (typeof value !== 'object' || value === null || value instanceof Date) return bytes;
  // Not recursive: input may be nested deeper than the stack.
  const left: object[] = [value];
  const add = (element: unknown) => {
    bytes += SLOT + shallowBytes(element);
    if (typeof element === 'object' && element !== null && !(element instanceof Date)) left.push(element);
  };
  for (let next = left.pop(); next; next = left.pop()) {
    // Without the list that `Object.values` would make.
    if (Array.isArray(next)) for (const element of next) add(element);
    else for (const name in next) add((next as Readonly<Record<string, unknown>>)[name]);
  }
  return bytes;
}

function shallowBytes(value: unknown): number {
  if (typeof value === 'string') return HEADER + 2 * value.length;
  return typeof value === 'object' && value !== null ? HEADER : SLOT;
}

/** Bytes of an event or an append without its data: ids, metadata, instants. */
const ENVELOPE = 1024;

/** The approximate memory of an event in bytes. */
export function eventBytes({ data }: { readonly data: unknown }): number {
  return ENVELOPE + approximateBytes(data);
}

export function bytesOf(events: readonly { readonly data: unknown }[]): number {
  return events.reduce((sum, event) => sum + eventBytes(event), 0);
}

/** The approximate memory of the data of events in bytes. @param bytes of the events, if known: see {@link bytesOf}. */
export function dataBytesOf(events: readonly { readonly data: unknown }[], bytes = bytesOf(events)): number {
  return bytes - ENVELOPE * events.length;
}

/**
 * Approximate bytes in memory of one unit of work: an append batch, or a page of events for a read model. Serialising
 * and sending this much takes about 10 ms of the event loop.
 */
export const PAGE_BYTES = 2 * 2 ** 20;
