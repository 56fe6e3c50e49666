import type { Benchmark } from './support/measuring/benchmark.ts';
import { inPasses } from './support/measuring/passes.ts';
import { atLeast, type Measurement, type Ratio, ratio, type Unit } from './support/measuring/result.ts';
import { callsPerSecond } from './support/measuring/rounds.ts';
import { median } from './support/measuring/statistics.ts';
import { type GrownStore, openGrownStore } from './support/running/grown-store.ts';

const SIZES = [100_000, 1_000_000, 10_000_000];
const CALLERS = 32;
const SLICE_MS = 100;
/** Turns are short, and many: what else the machine does changes from moment to moment. */
const PASSES_PER_S = 5;
const GROWN = 'grown to this';
const SMALL = 'a small one beside it';

interface Work {
  readonly chart: string;
  readonly unit: Unit;
  readonly call: (store: GrownStore) => () => Promise<void>;
}

const APPENDING: Work = { chart: 'Appending', unit: 'events/s', call: (store) => store.appendToNew };
const BY_ID: Work = { chart: 'A row by its id, over HTTP', unit: 'requests/s', call: (store) => store.queryById };
const PAGE: Work = { chart: 'A page of 20, over HTTP', unit: 'requests/s', call: (store) => store.queryPage };
/** The cost of HTTP and GraphQL hides that of the database, so this measures the layers below them. */
const BENEATH: readonly Work[] = [
  { chart: 'A row by its id, beneath GraphQL', unit: 'requests/s', call: (store) => store.readById },
  { chart: 'A page of 20, beneath GraphQL', unit: 'requests/s', call: (store) => store.readPage },
  { chart: 'A page of 20 scattered rows, beneath GraphQL', unit: 'requests/s', call: (store) => store.readPageByValue },
];
const PROMISED = [APPENDING, BY_ID, PAGE];
const WORK = [...PROMISED, ...BENEATH];

/** One store that grows, and at each size another one beside it that is small: what growth costs. */
export const benchmark: Benchmark = {
  name: 'growth',
  run: async ({ postgres, rounds, seconds, quick, say }) => {
    const sizes = quick ? SIZES.map((size) => size / 100) : SIZES;
    const [smallest, largest] = [sizes[0], sizes.at(-1)] as [number, number];
    const passes = Math.ceil(seconds * PASSES_PER_S);
    const measurements: Measurement[] = [];
    const ratios: Ratio[] = [];
    const grown = await openGrownStore(postgres, 'growth', CALLERS);
    try {
      for (const size of sizes) {
        const at = `${size.toLocaleString('en')} events`;
        say(`  growing to ${at} …`);
        await grown.grow(size);
        // A new one each time: what is appended while it is measured would make it another one at the next size.
        const small = await openGrownStore(postgres, 'growth_small', CALLERS);
        try {
          await small.grow(smallest);
          const contenders = WORK.flatMap(({ chart, unit, call }) =>
            [
              { who: GROWN, store: grown },
              { who: SMALL, store: small },
            ].map(({ who, store }) => ({
              ...{ chart, at, who, unit },
              run: () => callsPerSecond(CALLERS, SLICE_MS, call(store)),
            })),
          );
          const found = await inPasses(contenders, { rounds, passes }, say);
          measurements.push(...found);
          for (let nth = 0; nth < found.length; nth += 2) ratios.push(grownToSmall(found.slice(nth, nth + 2)));
        } finally {
          await small.close();
        }
      }
    } finally {
      await grown.close();
    }
    const atLargest = ratios.slice(-WORK.length);
    return {
      benchmark: 'growth',
      setting:
        `A log of five small events a stream with a read model of one row a stream, beside one of ${smallest.toLocaleString('en')} ` +
        `events; ${CALLERS} callers, ${SLICE_MS} ms in turn, ${passes} times a round, of which the median is taken. Appending: ` +
        'one event a call to new streams, which makes both longer. Over HTTP: GraphQL queries to a server of each, ' +
        'which projects nothing meanwhile. Beneath GraphQL: the same by what it reads with, in process. Rows are any of all; pages ' +
        'begin anywhere, in the order of ids, where the rows of a page lie together, or scattered, in that of a value, where ' +
        'they lie anywhere in the table. Before it is measured the tables are vacuumed and a checkpoint is made; meanwhile ' +
        'there is no autovacuum.',
      measurements: WORK.flatMap(({ chart }) => measurements.filter((measured) => measured.chart === chart)),
      ratios: WORK.flatMap((_, nth) => ratios.filter((_, index) => index % WORK.length === nth)),
      goals: PROMISED.map(({ chart }, nth) =>
        atLeast(
          0.85,
          `times the small one at ${largest.toLocaleString('en')} events: ${chart}`,
          median(atLargest[nth]?.rounds ?? []),
        ),
      ),
    };
  },
};

function grownToSmall([grown, small]: readonly Measurement[]): Ratio {
  if (!grown || !small) throw new Error('One was not measured.');
  return { ...ratio(grown, small), of: `${grown.chart}, ${grown.at}: ${grown.who}` };
}
