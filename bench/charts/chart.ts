import type { Kept, StoredResult } from '../support/measuring/report.ts';
import { isOurs, type Unit } from '../support/measuring/result.ts';

/** A figure of a chart: what one contender did in one place. */
export interface Bar extends Kept {
  readonly at: string;
  readonly who: string;
}

/** One picture of measurements. */
export interface Chart {
  /** Its name in `docs/benchmarks`. */
  readonly file: string;
  readonly title: string;
  readonly unit: Unit;
  /** The places, in the order in which they were measured. */
  readonly places: readonly string[];
  /** The contenders, Afterwrite first. */
  readonly contenders: readonly string[];
  readonly bars: readonly Bar[];
}

/** The charts of a benchmark: one for each name that its measurements have, and unit. */
export function chartsOf({ benchmark, measurements }: StoredResult): Chart[] {
  const groups = Map.groupBy(measurements, ({ chart, unit }) => JSON.stringify([chart, unit]));
  const titles = [...groups.values()].map(([first]) => first?.chart);
  return [...groups.values()].map((bars): Chart => {
    const [{ chart, unit }] = bars as [(typeof bars)[number]];
    const contenders = distinct(bars.map(({ who }) => who));
    // One title may stand for figures in two units, which have no axis in common.
    const name = titles.filter((title) => title === chart).length > 1 ? `${chart} ${unit}` : chart;
    return {
      file: `${benchmark}-${fileNameOf(name)}.svg`,
      title: `${chart}, ${unit}`,
      unit,
      places: distinct(bars.map(({ at }) => at)),
      contenders: [...contenders.filter(isOurs), ...contenders.filter((who) => !isOurs(who))],
      bars,
    };
  });
}

/** True where more is better. */
export function isRate(unit: Unit): boolean {
  return unit.endsWith('/s');
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)];
}

function fileNameOf(words: string): string {
  return words
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}
