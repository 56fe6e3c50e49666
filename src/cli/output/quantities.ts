const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Bytes in the largest unit of which there is at least one: `1.4 MB`. */
export function formatBytes(bytes: number): string {
  let amount = bytes;
  let unit = 0;
  for (; amount >= 1000 && unit < UNITS.length - 1; unit++) amount /= 1000;
  return `${unit === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${UNITS[unit]}`;
}

const SPANS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const;

/** A span of time in the largest unit of which there are at least two: `36 h`. @param ms below 0 counts as 0. */
export function formatAge(ms: number): string {
  const [name, length] = SPANS.find(([, unit]) => ms >= 2 * unit) ?? (['s', 1000] as const);
  return `${Math.max(0, Math.floor(ms / length))} ${name}`;
}
