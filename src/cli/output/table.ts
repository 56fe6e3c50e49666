import { terminalSafe } from '../../text/terminal.ts';

/** A whole number with commas between thousands. */
export function formatCount(count: number | bigint): string {
  return count.toLocaleString('en-GB');
}

/** Columns under their names, as wide as their contents; numbers are aligned to the right. */
export function formatTable(rows: readonly Readonly<Record<string, string | number>>[]): string[] {
  const names = Object.keys(rows[0] ?? {});
  const columns = names.map((name) => {
    const values = rows.map((row) => row[name] ?? '');
    const texts = values.map((value) => (typeof value === 'number' ? formatCount(value) : terminalSafe(value)));
    const width = Math.max(name.length, ...texts.map((text) => text.length));
    const toTheRight = values.some((value) => typeof value === 'number');
    return [name, ...texts].map((text) => (toTheRight ? text.padStart(width) : text.padEnd(width)));
  });
  const lines = columns[0]?.map((_, line) =>
    columns
      .map((column) => column[line])
      .join('  ')
      .trimEnd(),
  );
  return lines ?? [];
}
