/** Bytes that cost a point: those of a request, of the rows that are read for it, and of its answer. */
const BYTES_PER_POINT = 16 * 1024;

/** Points that bytes cost, besides those of the operation itself: small requests and answers cost none. */
export function pointsOfBytes(bytes: number): number {
  return Math.floor(bytes / BYTES_PER_POINT);
}
