import postgres from 'postgres';
import { type AfterwriteDatabase, openDatabase } from '../../../src/database/database.ts';
import { openSharedDatabase } from '../../../src/database/tenancy/shared-database.ts';
import { customers, customersDomain, registerCustomer } from '../../../src/domains/customers/index.ts';
import { SYSTEM } from '../../../src/kernel/define/access/actor.ts';
import type { Projection } from '../../../src/kernel/define/read-model/projection.ts';
import { createEngine, type Engine } from '../../../src/kernel/engine.ts';
import type { BenchContext } from '../measuring/benchmark.ts';
import { inPasses } from '../measuring/passes.ts';
import { type Measurement, type Ratio, ratio } from '../measuring/result.ts';
import { median } from '../measuring/statistics.ts';

const CONNECTIONS = { writer: 4, projector: 4, reader: 1 };
/** Live messages of a turn. */
const MESSAGES = 20;
/** Appended at the same time. */
const AT_ONCE = 100;

/** A store with two servers on it: one writes, and the other one tells its subscribers. */
interface Served {
  readonly who: string;
  readonly url: string;
  readonly writing: Engine;
  readonly telling: Engine;
  close(): Promise<void>;
}

/** What one tenant of a shared database costs below the API, beside a store without tenants: a live message, a rebuild, the disk. */
export async function compareStores(
  { postgres: server, rounds, quick, say }: BenchContext,
  events = quick ? 300 : 20_000,
): Promise<{ readonly measurements: readonly Measurement[]; readonly ratios: readonly Ratio[] }> {
  const served: Served[] = [];
  try {
    const plain = await server.createDatabase('tenants_stores_none');
    served.push(await serve('Afterwrite', plain, () => openDatabase({ url: plain, connections: CONNECTIONS })));
    const shared = await server.createDatabase('tenants_stores_shared');
    served.push(
      await serve('Afterwrite, one database for tenants', shared, async () => {
        const database = await openSharedDatabase({ url: shared, connections: CONNECTIONS });
        const opened = await database.open('acme');
        const close = async (ms?: number) => {
          await opened.close(ms);
          await database.close(ms);
        };
        return { ...opened, close };
      }),
    );
    say(`  ${events} customers in a store without tenants and in one of tenants`);
    const disk: Measurement[] = [];
    for (const { who, url, writing } of served) {
      await fill(writing, events);
      const shown = { chart: 'Disk, for an event in a store of tenants', at: '', who, unit: 'bytes' } as const;
      disk.push({ ...shown, rounds: Array(rounds).fill(await bytesOfEvent(url)) });
    }
    const timed = await inPasses(
      [
        ...served.map(({ who, writing, telling }) => ({
          ...{ chart: 'Live message in a store of tenants', at: '', who, unit: 'ms' as const },
          run: () => liveMs(writing, telling),
        })),
        ...served.map(({ who, writing }) => ({
          ...{ chart: 'Rebuild in a store of tenants', at: '', who, unit: 'events/s' as const },
          run: () => rebuild(writing),
        })),
      ],
      { rounds, passes: 1 },
      say,
    );
    const measurements = [...timed, ...disk];
    const ratios = [0, 2, 4].map((nth) => {
      const [without, with_] = [measurements[nth], measurements[nth + 1]] as [Measurement, Measurement];
      return { ...ratio(with_, without), of: `${without.chart}: ${with_.who}` };
    });
    return { measurements, ratios };
  } finally {
    await Promise.all(served.map((each) => each.close()));
  }
}

async function serve(who: string, url: string, open: () => Promise<AfterwriteDatabase>): Promise<Served> {
  const closers: (() => Promise<void>)[] = [];
  const engine = async () => {
    const database = await open();
    const opened = createEngine({ database, domains: [customersDomain] });
    closers.push(async () => {
      await opened.drain();
      await opened.stop();
      await database.close(1000);
    });
    await opened.start();
    return opened;
  };
  const [writing, telling] = [await engine(), await engine()];
  const close = async () => {
    await Promise.all(closers.map((end) => end()));
  };
  return { who, url, writing, telling, close };
}

const register = async ({ bus }: Engine): Promise<number> => {
  const outcome = await bus.execute(registerCustomer, { name: 'Ada', email: 'ada@example.org' }, { actor: SYSTEM });
  if (outcome.kind !== 'accepted') throw new Error('A customer was not registered.');
  return outcome.receipt.position;
};

async function fill(engine: Engine, events: number): Promise<void> {
  for (let left = events; left > 0; left -= AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(left, AT_ONCE) }, () => register(engine)));
  }
  await reached(engine, (await engine.log.head()).position);
}

async function reached({ projector }: Engine, position: number): Promise<void> {
  if (await projector.positions.reached(customers.name, position, { timeoutMs: 60_000 })) return;
  throw new Error('The read model did not follow.');
}

/** The time from a command until the other server can tell its subscribers of the row, in ms: the median of some. */
async function liveMs(writing: Engine, telling: Engine): Promise<number> {
  const found: number[] = [];
  for (let nth = 0; nth < MESSAGES; nth++) {
    const began = performance.now();
    await reached(telling, await register(writing));
    found.push(performance.now() - began);
  }
  return median(found);
}

/** Events that a rebuild reads in a second, until its rows are those that are read. */
async function rebuild(engine: Engine): Promise<number> {
  const { projector, registry, log } = engine;
  const { position } = await log.head();
  const projection = registry.projections.get(customers.name) as Projection;
  const began = performance.now();
  const replaced = Promise.withResolvers<void>();
  const leave = projector.hub.follow(customers.name, ({ keys }) => {
    // Any row may have changed.
    if (keys === null) replaced.resolve();
  });
  await projector.rebuilds.begin(projection);
  await replaced.promise.finally(leave);
  return position / ((performance.now() - began) / 1000);
}

async function bytesOfEvent(url: string): Promise<number> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await sql`vacuum analyze es.events`;
    const [row] = await sql<{ bytes: number }[]>`
      select sum(pg_total_relation_size(c.oid))::float8 / (select count(*) from es.events) as bytes
      from pg_class c where c.relkind = 'r' and c.oid in ('es.events'::regclass, 'es.streams'::regclass, 'read.customers_v2'::regclass)`;
    return row?.bytes ?? Number.NaN;
  } finally {
    await sql.end();
  }
}
