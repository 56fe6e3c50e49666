import { number, type StoredResult } from '../support/measuring/report.ts';

/** Finds figures in what the benchmarks have stored; undefined for one that is not there. */
class Found {
  readonly #results: readonly StoredResult[];

  constructor(results: readonly StoredResult[]) {
    this.#results = results;
  }

  ratio(benchmark: string, of: string, to: string): number | undefined {
    return this.#of(benchmark)?.ratios.find((each) => each.of === of && each.to === to)?.median;
  }

  median(benchmark: string, chart: string, who: string, at = ''): number | undefined {
    const found = this.#of(benchmark)?.measurements.find(
      (each) => each.chart === chart && each.who === who && each.at === at,
    );
    return found?.median;
  }

  #of(benchmark: string): StoredResult | undefined {
    return this.#results.find((result) => result.benchmark === benchmark);
  }
}

/** A figure that the project aims at. It may be more than what a benchmark promises, and more than can be reached. */
export interface Target {
  readonly work: string;
  readonly beside: string;
  readonly aim: { readonly atLeast: number } | { readonly atMost: number };
  readonly unit: '×' | 'µs' | 'MB' | '%' | 'ms';
  /** Undefined if no benchmark measures it. */
  readonly measured?: (found: Found) => number | undefined;
  /** What is known about its limit, with figures from the results. */
  readonly limit: (shown: Shown) => string;
}

/** Figures as a sentence shows them. */
interface Shown {
  ratio(benchmark: string, of: string, to: string): string;
  /** One measurement of a chart as a multiple of another. */
  quotient(benchmark: string, chart: string, of: string, to: string): string;
}

const ONE = 'Reading an order by its id';
const PGBENCH = 'pgbench, one INSERT';
const GRAPHILE = 'PostGraphile';
const DRIVER = 'postgres.js, no GraphQL';

const appends = (callers: string, atLeast: number, limit: Target['limit']): Target => ({
  ...{ work: `append, ${callers}`, beside: 'pgbench, one prepared INSERT', aim: { atLeast }, unit: '×', limit },
  measured: (found) => found.ratio('append', `${callers}: Afterwrite`, PGBENCH),
});

const sharedCores: Target['limit'] = () =>
  'Batches are committed one after the other, each as large as what waited meanwhile. What an event costs Postgres, with and without the ' +
  'chain of hashes, is under [Profiling](#profiling).';

/** In the order of the table. */
export const TARGETS: readonly Target[] = [
  {
    ...{ work: 'read by id over HTTP, 32 connections', beside: 'PostGraphile 5', aim: { atLeast: 3 }, unit: '×' },
    measured: (found) => found.ratio('read', 'Afterwrite', GRAPHILE),
    limit: ({ quotient }) =>
      `The driver alone in a \`node:http\` server, with a statement for each read, is ${quotient('read', ONE, DRIVER, GRAPHILE)} × PostGraphile; a constant without a database is ${quotient('read', ONE, 'node:http, a constant', GRAPHILE)} ×.`,
  },
  {
    ...{ work: 'read by id over HTTP', beside: 'postgres.js without GraphQL', aim: { atLeast: 1.2 }, unit: '×' },
    measured: (found) => found.ratio('read', 'Afterwrite', DRIVER),
    limit: ({ quotient }) =>
      `Yoga with a constant, without a database, is ${quotient('read', ONE, 'bare Yoga, a constant', DRIVER)} × postgres.js. Statements are shared already: what is left is HTTP, limits, authentication, metrics and the pipeline.`,
  },
  {
    ...{ work: 'page of 20', beside: 'PostGraphile 5', aim: { atLeast: 2 }, unit: '×' },
    measured: (found) => found.ratio('read', '20 orders: Afterwrite', GRAPHILE),
    limit: ({ ratio }) =>
      `The driver alone is ${ratio('read', '20 orders: postgres.js, no GraphQL', GRAPHILE)} × PostGraphile, a stored page without reading anything ${ratio('read', '20 orders: node:http, a stored page', GRAPHILE)} ×.`,
  },
  {
    ...{ work: 'page of 20 with JSON', beside: 'PostGraphile 5', aim: { atLeast: 2 }, unit: '×' },
    measured: (found) => found.ratio('read', '20 orders: Afterwrite, with JSON', 'PostGraphile, with JSON'),
    limit: () =>
      'Clients select fields within the JSON here, so it is parsed, and executed field by field. PostGraphile passes it on whole.',
  },
  {
    ...{ work: 'read by id with a reached token', beside: 'without', aim: { atLeast: 0.98 }, unit: '×' },
    measured: (found) => found.ratio('read', 'Afterwrite, with a token', 'Afterwrite'),
    limit: () =>
      'The request has a token and a directive more, and the wait a step before the read. Their costs were not told apart.',
  },
  {
    ...{ work: 'page of 20 with a reached token', beside: 'without', aim: { atLeast: 0.98 }, unit: '×' },
    measured: (found) => found.ratio('read', '20 orders: Afterwrite, with a token', 'Afterwrite'),
    limit: () => 'The same.',
  },
  {
    ...{
      work: 'HTTP mutation, CPU of the server',
      beside: '1,200 µs, what it once was',
      aim: { atMost: 480 },
      unit: 'µs',
    },
    measured: (found) =>
      found.median('command', 'CPU of the server for a mutation over HTTP', 'Afterwrite: registerCustomer'),
    limit: () => 'The figure that it is compared with is of another machine.',
  },
  {
    ...{
      work: '`live` and `orderUpdated`, CPU a message',
      beside: 'what it once was',
      aim: { atMost: 0.6 },
      unit: '×',
    },
    limit: () => 'No ratio is measured: `live` and `fan-out` measure today’s code alone.',
  },
  appends(
    '1 caller',
    0.9,
    ({ ratio }) =>
      `An append is one round trip with one prepared statement: one message of about 390 bytes to Postgres, one of about 60 back. The function that it calls, sent by pgbench, is ${ratio('append', '1 caller: pgbench, es.append_one', PGBENCH)} ×; pgbench's INSERT, sent by the driver, ${ratio('append', '1 caller: postgres.js, the same INSERT', PGBENCH)} ×. Both apply, so about their product is what SQL and Node leave.`,
  ),
  appends('8 callers', 1.5, sharedCores),
  appends('32 callers', 2, sharedCores),
  appends('256 callers', 3, sharedCores),
  {
    ...{ work: 'append, 1 caller', beside: 'Emmett', aim: { atLeast: 2 }, unit: '×' },
    measured: (found) => found.ratio('append', '1 caller: Afterwrite', 'Emmett'),
    limit: () => 'The same as beside pgbench.',
  },
  {
    ...{ work: 'replay into one read model', beside: 'INSERT … SELECT', aim: { atLeast: 0.2 }, unit: '×' },
    measured: (found) => found.ratio('project', 'Afterwrite, one read model', 'INSERT … SELECT'),
    limit: () =>
      'Postgres alone needs several µs for each event that is read and each row that is looked up and written: see `project` under [Profiling](#profiling).',
  },
  {
    ...{ work: 'replay into five read models, time', beside: 'one', aim: { atMost: 2 }, unit: '×' },
    measured: (found) => found.ratio('project', 'Afterwrite, one read model', 'Afterwrite, five read models'),
    limit: () => 'Pages of the log are read once, but each read model writes its own rows.',
  },
  {
    ...{ work: 'filling everything after an import, time', beside: 'the orders alone', aim: { atMost: 3 }, unit: '×' },
    measured: (found) => found.ratio('refill', 'Afterwrite, everything', 'Afterwrite, the orders alone'),
    limit: () => 'Most of it is the read model that the log is about.',
  },
  {
    ...{ work: 'the same, memory', beside: '–', aim: { atMost: 500 }, unit: 'MB' },
    measured: (found) => found.median('refill', 'Memory at most', 'Afterwrite, everything'),
    limit: () => 'The idle engine and the rows that wait to be written: see `refill` under [Profiling](#profiling).',
  },
  {
    ...{
      work: 'disk, an order with history and audit',
      beside: 'normalised, with an audit table',
      aim: { atMost: 2 },
      unit: '×',
    },
    measured: (found) =>
      found.ratio(
        'size',
        'Afterwrite: log, read models, former versions and audit trail',
        'Normalised: with an audit table',
      ),
    limit: () => '–',
  },
  {
    ...{ work: 'start of the server to ready, warm', beside: 'what it once was', aim: { atMost: 0.5 }, unit: '×' },
    limit: () => 'There is no benchmark of it.',
  },
  {
    ...{ work: 'an idle server, CPU of a core', beside: '–', aim: { atMost: 0.5 }, unit: '%' },
    limit: () => 'There is no benchmark of it.',
  },
];

/** The targets as a table, with what the benchmarks have found. */
export function targetsOf(results: readonly StoredResult[], targets: readonly Target[] = TARGETS): string {
  const found = new Found(results);
  const text = (value: number | undefined) => (value === undefined ? 'an unknown number of' : number(value));
  const shown: Shown = {
    ratio: (...asked) => text(found.ratio(...asked)),
    quotient: (benchmark, chart, of, to) => {
      const [value, other] = [of, to].map((who) => found.median(benchmark, chart, who));
      return text(value === undefined || other === undefined ? undefined : value / other);
    },
  };
  const lines = targets.map((target) => {
    const { work, beside, unit } = target;
    const value = target.measured?.(found);
    const measured =
      value === undefined ? 'not measured' : `${isMet(target, value) ? '✅' : '❌'} ${number(value)} ${unit}`;
    return `| ${[work, beside, aimOf(target), measured, target.limit(shown)].join(' | ')} |`;
  });
  return ['| work | beside | aim | measured | what limits it |', '|---|---|--:|--:|---|', ...lines].join('\n');
}

function aimOf({ aim, unit }: Target): string {
  return 'atLeast' in aim ? `≥ ${aim.atLeast} ${unit}` : `≤ ${aim.atMost} ${unit}`;
}

function isMet({ aim }: Target, value: number): boolean {
  return 'atLeast' in aim ? value >= aim.atLeast : value <= aim.atMost;
}
