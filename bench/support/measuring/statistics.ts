/** The middle one; of two middle ones the mean. Values that are NaN do not count: nothing was measured. */
export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** The value that `p` percent are at or below, interpolated between neighbours. NaN does not count. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const rank = ((sorted.length - 1) * p) / 100;
  const low = sorted[Math.floor(rank)] ?? Number.NaN;
  const high = sorted[Math.ceil(rank)] ?? Number.NaN;
  return low + (high - low) * (rank - Math.floor(rank));
}
