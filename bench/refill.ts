import postgres from 'postgres';
import type { BenchContext, Benchmark } from './support/measuring/benchmark.ts';
import { startChild } from './support/measuring/child.ts';
import { atMost, below, type Measurement, ratio } from './support/measuring/result.ts';
import { median } from './support/measuring/statistics.ts';
import { openEngine, prepareDatabase } from './support/running/engine.ts';
import type { Filled } from './support/running/filling.ts';
import { anOrdersEvents, importOrders } from './support/workloads/imported-orders.ts';
import { EVENTS_PER_ORDER } from './support/workloads/order-lives.ts';

const EVENTS = 1_000_000;
const ONE = 'Afterwrite, the orders alone';
const ALL = 'Afterwrite, everything';
const MB = 1_000_000;

/** Filling all read models of the shop after a large import, beside filling the one that most of it concerns. */
export const benchmark: Benchmark = {
  name: 'refill',
  run: async (context) => {
    const { postgres: server, rounds, quick, say } = context;
    const events = quick ? EVENTS / 100 : EVENTS;
    const url = await prepareDatabase(server, 'refill');
    const order = await anOrdersEvents(url);
    say(`  importing ${events.toLocaleString('en')} events`);
    const writer = await openEngine(url, []);
    await importOrders(writer.log, events / EVENTS_PER_ORDER, order);
    await writer.close();
    const filled: Record<string, Filled[]> = { [ONE]: [], [ALL]: [] };
    for (let round = 1; round <= rounds; round++) {
      for (const who of round % 2 ? [ONE, ALL] : [ALL, ONE]) {
        const found = await fill(url, who === ONE ? { BENCH_READ_MODELS: 'orders' } : {});
        filled[who]?.push(found);
        say(
          `  round ${round} of ${rounds}: ${who}: ${(found.ms / 1000).toFixed(1)} s, ${Math.round(found.bytes / MB)} MB`,
        );
      }
    }
    return resultOf(context, events, filled);
  },
};

/** Fills empty tables from checkpoints at 0. */
async function fill(url: string, env: Readonly<Record<string, string>>): Promise<Filled> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    const tables = await sql<{ name: string }[]>`
      select table_name as name from information_schema.tables
      where table_schema = 'read' and table_type = 'BASE TABLE' and table_name ~ '_v[0-9]+(_history)?$'`;
    for (const { name } of tables) await sql`truncate read.${sql(name)}`;
    await sql`delete from read.checkpoints`;
    await sql`checkpoint`;
  } finally {
    await sql.end();
  }
  const child = await startChild<Filled>(new URL('support/running/filling.ts', import.meta.url), {
    DATABASE_URL: url,
    ...env,
  });
  await child.end();
  return child.started;
}

function resultOf({ rounds }: BenchContext, events: number, filled: Readonly<Record<string, readonly Filled[]>>) {
  const of = (chart: string, who: string, unit: Measurement['unit'], value: (of: Filled) => number): Measurement => ({
    ...{ chart, at: '', who, unit },
    rounds: (filled[who] ?? []).map(value),
  });
  const [one, all] = [ONE, ALL].map((who) => of('Filling', who, 'ms', ({ ms }) => ms)) as [Measurement, Measurement];
  const memory = [ONE, ALL].map((who) => of('Memory at most', who, 'MB', ({ bytes }) => bytes / MB));
  const times = ratio(all, one);
  const count = filled[ALL]?.[0]?.readModels ?? 0;
  return {
    benchmark: 'refill',
    setting:
      `${events.toLocaleString('en')} events of orders from placing to delivery, ${EVENTS_PER_ORDER} each, all appended before: ` +
      `the read model of orders is filled alone, and then the ${count} of the shop's domains without processes, by one process, from empty tables, ` +
      `${rounds} rounds in turn. Memory: the largest resident memory of the process.`,
    measurements: [one, all, ...memory],
    ratios: [times],
    goals: [
      atMost(3, 'times the time of the orders alone for everything', median(times.rounds)),
      below(500, 'MB of memory for everything', median(memory[1]?.rounds ?? [])),
    ],
  };
}
