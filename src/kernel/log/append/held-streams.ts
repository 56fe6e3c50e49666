import type { Append } from './append.ts';

/**
 * The streams that each append holds. One that an append before it in the batch changes is not where it was by then; there is
 * no version -1.
 */
export function heldInOrder(appends: readonly Append[]) {
  const changed = new Set<string>();
  return appends.map(({ streamType, streamId, events, held }) => {
    const own = held?.map(({ streamType: t, streamId: i, version: v }) => ({
      t,
      i,
      v: changed.has(`${t}/${i}`) ? -1 : v,
    }));
    if (events.length > 0) changed.add(`${streamType}/${streamId}`);
    return own;
  });
}
