import { readdir, readFile } from 'node:fs/promises';
import { BENCHMARKS } from '../support/measuring/benchmark.ts';
import type { StoredResult } from '../support/measuring/report.ts';

const folder = new URL('../results/', import.meta.url);

/**
 * The files in `bench/results`, in the order of the benchmarks. Files of an older version of a benchmark, or of one
 * that no longer exists, are skipped and reported.
 */
export async function readResults(say: (line: string) => void): Promise<StoredResult[]> {
  const kept = (await readdir(folder)).filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -5));
  for (const name of kept.filter((name) => !BENCHMARKS.includes(name)).sort()) {
    say(`bench/results/${name}.json is left out: there is no benchmark of this name.`);
  }
  const results: StoredResult[] = [];
  for (const name of BENCHMARKS.filter((name) => kept.includes(name))) {
    const result: unknown = JSON.parse(await readFile(new URL(`${name}.json`, folder), 'utf8'));
    if (isOfToday(result)) results.push(result);
    else
      say(`bench/results/${name}.json is left out: its shape is an older one. npm run bench -- ${name} measures anew.`);
  }
  return results;
}

function isOfToday(result: unknown): result is StoredResult {
  const { measurements, machine } = result as Partial<StoredResult>;
  return machine?.peers !== undefined && measurements?.every(({ chart }) => typeof chart === 'string') === true;
}
