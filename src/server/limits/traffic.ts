/** Bytes that cost a point: those of a request, of the rows that are read for it, and of its answer. */
const BYTES_PER_POINT = 16 * 1024;

/** Points that bytes cost, besides those of the operation itself: small requests and answers cost none. */
export function pointsOfBytes(bytes: number): number {
  return Math.floor(bytes / BYTES_PER_POINT);
}

/** Characters of a document that cost a point if it has to be parsed and validated. */
const CHARACTERS_PER_POINT = 256;

/**
 * The points that an unknown document costs, besides those of the operation itself. Clients send few documents again
 * and again, so they pay for each only once.
 */
export function pointsOfDocument(characters: number): number {
  return Math.floor(characters / CHARACTERS_PER_POINT);
}
