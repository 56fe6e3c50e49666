import { mkdir, writeFile } from 'node:fs/promises';
import type { Machine } from './machine.ts';
import type { Result } from './result.ts';
import { median } from './statistics.ts';

const folder = new URL('../results/', import.meta.url);

/** Shows a result as a table, for people. */
export function print(result: Result): void {
  const lines = [
    ...result.measurements.map(({ name, unit, rounds }) => [name, ...spread(rounds, unit === 'ms' ? 2 : 0), unit]),
    ...result.ratios.map(({ of, to, rounds }) => [`${of} : ${to}`, ...spread(rounds, 2), 'times']),
  ];
  const rows = [[`${result.benchmark}`, 'median', 'lowest', 'highest', ''], ...lines];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  console.log(`\n${result.setting}\n`);
  for (const [index, row] of rows.entries()) {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 || column === 4 ? cell.padEnd(width) : cell.padStart(width);
    });
    console.log(`  ${cells.join('  ').trimEnd()}`);
    if (index === 0) console.log(`  ${widths.map((width) => '-'.repeat(width)).join('  ')}`);
  }
  for (const { text, value, met } of result.goals) {
    console.log(`  ${met ? 'met' : 'NOT MET'}: ${text}; it is ${number(value, 2)}`);
  }
}

/** Keeps a result beside the code that was measured. */
export async function save(result: Result, machine: Machine): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { measurements, ratios, ...facts } = result;
  const summary = {
    ...facts,
    machine,
    measurements: measurements.map((measurement) => ({ ...measurement, ...kept(measurement.rounds) })),
    ratios: ratios.map((ratio) => ({ ...ratio, ...kept(ratio.rounds) })),
  };
  const json = JSON.stringify(summary, (_, value) => (typeof value === 'number' ? rounded(value) : value), 2);
  await writeFile(new URL(`${result.benchmark}.json`, folder), `${json}\n`);
}

/** The rounds as one line, so that a file shows a figure at a glance. */
function kept(rounds: readonly number[]) {
  return { ...summarise(rounds), rounds: rounds.map(rounded).join(' ') };
}

function summarise(rounds: readonly number[]) {
  return { median: median(rounds), lowest: Math.min(...rounds), highest: Math.max(...rounds) };
}

function spread(rounds: readonly number[], digits: number): string[] {
  const { median, lowest, highest } = summarise(rounds);
  return [median, lowest, highest].map((value) => number(value, digits));
}

function number(value: number, digits: number): string {
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function rounded(value: number): number {
  return Math.abs(value) >= 1000 ? Math.round(value) : Math.round(value * 1000) / 1000;
}
