import { mkdir, writeFile } from 'node:fs/promises';
import type { Machine } from './machine.ts';
import { type Measurement, nameOf, type Result } from './result.ts';
import { median } from './statistics.ts';

const folder = new URL('../../results/', import.meta.url);

/** The content of a file in `bench/results`. */
export interface StoredResult extends Omit<Result, 'measurements' | 'ratios'> {
  readonly command: string;
  readonly machine: Machine;
  readonly measurements: readonly (Omit<Measurement, 'rounds'> & Kept)[];
  readonly ratios: readonly ({ readonly of: string; readonly to: string } & Kept)[];
  /** Sentences about peers that broke, and how often. Absent if none did. */
  readonly broken?: readonly string[];
}

export interface Kept {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
  /** The rounds as one line, so that a file shows a figure at a glance. */
  readonly rounds: string;
}

/** Shows a result as a table, for people. */
export function print(result: Result): void {
  const lines = [
    ...result.measurements.map((measured) => [
      `${measured.chart}, ${nameOf(measured)}`,
      ...spread(measured.rounds),
      measured.unit,
    ]),
    ...result.ratios.map(({ of, to, rounds }) => [`${of} : ${to}`, ...spread(rounds), 'times']),
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
  for (const sentence of brokenIn(result)) console.log(`  ${sentence}`);
  for (const { text, value, met } of result.goals) {
    console.log(`  ${met ? 'met' : 'NOT MET'}: ${text}; it is ${number(value)}`);
  }
}

/** Keeps a result beside the code that was measured. */
export async function save(result: Result, machine: Machine, command: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { benchmark, setting, goals } = result;
  const measurements = result.measurements.filter(hasValues);
  const ratios = result.ratios.filter(hasValues);
  const broken = brokenIn(result);
  const stored: StoredResult = {
    benchmark,
    command,
    setting,
    goals,
    machine,
    measurements: measurements.map(({ broken: _, ...measurement }) => ({
      ...measurement,
      ...kept(measurement.rounds),
    })),
    ratios: ratios.map((ratio) => ({ ...ratio, ...kept(ratio.rounds) })),
    ...(broken.length > 0 ? { broken } : {}),
  };
  const json = JSON.stringify(stored, (_, value) => (typeof value === 'number' ? rounded(value) : value), 2);
  await writeFile(new URL(`${benchmark}.json`, folder), `${json}\n`);
}

/** A sentence about each measurement in which a peer broke. */
function brokenIn({ measurements }: Result): string[] {
  return measurements.flatMap(({ chart, rounds, broken, ...of }) => {
    if (broken === undefined) return [];
    const lost = rounds.filter(Number.isNaN).length;
    return [`${chart}, ${nameOf(of)}: broke in ${lost} of ${rounds.length} rounds. ${broken.trim().split('\n').at(0)}`];
  });
}

/** False if nothing was measured in any round. */
function hasValues({ rounds }: { readonly rounds: readonly number[] }): boolean {
  return !rounds.every(Number.isNaN);
}

function kept(rounds: readonly number[]): Kept {
  return { ...summarise(rounds), rounds: rounds.map(rounded).join(' ') };
}

function summarise(rounds: readonly number[]) {
  const measured = rounds.filter((value) => !Number.isNaN(value));
  return { median: median(measured), lowest: Math.min(...measured), highest: Math.max(...measured) };
}

function spread(rounds: readonly number[]): string[] {
  const { median, lowest, highest } = summarise(rounds);
  return [median, lowest, highest].map((value) => number(value));
}

/** A value as people read it: three figures or more. */
export function number(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : 2;
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function rounded(value: number): number {
  return Math.abs(value) >= 1000 ? Math.round(value) : Math.round(value * 1000) / 1000;
}
