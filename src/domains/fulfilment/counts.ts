/**
 * Number of pieces by product. The counts are spread over sixteen groups by the end of the product's id, so that
 * changing one of a thousand copies only a few dozen entries: a process with many lines changes one with each answer.
 */
export type PieceCounts = Readonly<Record<string, Readonly<Record<string, number>>>>;

const groupOf = (productId: string) => productId.slice(-1);

/** Undefined if there is no count of this product. */
export function countOf(counts: PieceCounts, productId: string): number | undefined {
  return counts[groupOf(productId)]?.[productId];
}

export function withCount(counts: PieceCounts, productId: string, count: number): PieceCounts {
  const group = groupOf(productId);
  return { ...counts, [group]: { ...counts[group], [productId]: count } };
}

export function withCounts(counts: PieceCounts, more: Readonly<Record<string, number>>): PieceCounts {
  const groups: Record<string, Record<string, number>> = {};
  for (const productId in more) {
    const group = groupOf(productId);
    groups[group] ??= { ...counts[group] };
    groups[group][productId] = more[productId] as number;
  }
  return { ...counts, ...groups };
}

export function withoutCount(counts: PieceCounts, productId: string): PieceCounts {
  const group = groupOf(productId);
  if (counts[group]?.[productId] === undefined) return counts;
  const { [productId]: _, ...rest } = counts[group];
  if (Object.keys(rest).length > 0) return { ...counts, [group]: rest };
  const { [group]: __, ...others } = counts;
  return others;
}

export function productsOf(counts: PieceCounts): string[] {
  return Object.values(counts).flatMap((group) => Object.keys(group));
}

export function isEmpty(counts: PieceCounts): boolean {
  for (const _ in counts) return false;
  return true;
}
