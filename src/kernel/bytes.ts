/** Bytes that V8 takes for an object or array without its contents. */
const HEADER = 32;
/** Bytes of one slot: a property, an element, a number. */
const SLOT = 8;

/**
 * About how many bytes a value of JSON takes in memory; never far too little. A text counts two bytes a character, as if it
 * had one that is not Latin-1. The caller bounds a cache or a queue with the sum.
 */
export function approximateBytes(value: unknown): number {
  if (typeof value === 'string') return HEADER + 2 * value.length;
  if (typeof value !== 'object' || value === null) return SLOT;
  let bytes = HEADER;
  if (Array.isArray(value)) {
    for (const element of value) bytes += SLOT + approximateBytes(element);
    return bytes;
  }
  for (const key in value) bytes += SLOT + approximateBytes((value as Record<string, unknown>)[key]);
  return bytes;
}
