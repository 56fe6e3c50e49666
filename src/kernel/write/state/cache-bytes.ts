import { getHeapStatistics } from 'node:v8';

/** Bytes of states in memory by default: an eighth of Node's heap limit, at most 256 MB. */
export function defaultCacheBytes(): number {
  return Math.min(256 * 2 ** 20, Math.floor(getHeapStatistics().heap_size_limit / 8));
}
