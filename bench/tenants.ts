import type { BenchContext, Benchmark } from './support/measuring/benchmark.ts';
import { inPasses } from './support/measuring/passes.ts';
import { atLeast, type Measurement, ratio } from './support/measuring/result.ts';
import { callsPerSecond } from './support/measuring/rounds.ts';
import { median } from './support/measuring/statistics.ts';
import { type ApiOptions, type BenchApi, commandDocument, openApi } from './support/running/api.ts';
import { prepareDatabase } from './support/running/engine.ts';
import { compareStores } from './support/workloads/tenant-stores.ts';

const CALLERS = 32;
const SLICE_MS = 250;
/** As many as are open by default. */
const TENANTS = 8;
const DOMAINS = ['customers'];
const REGISTER = commandDocument('registerCustomer', 'RegisterCustomerInput');
const READ = 'query Read($id: ID!) { customer(id: $id) { id name version } }';
const PAGE = '{ customers(first: 20) { nodes { id name version } } }';
const person = { name: 'Ada', email: 'ada@example.org' };
/** Customers of each tenant, so that a page is full. */
const CUSTOMERS = 20;

/** What tenants cost, with a database for each and with one for all, beside a server without tenants. */
export const benchmark: Benchmark = {
  name: 'tenants',
  run: async (context) => {
    const served = await serving(context);
    const opening = [...(await openings(context, 'database')), ...(await openings(context, 'column'))];
    const ratios = served.rates.flatMap((plain, nth) =>
      nth % WAYS === 0
        ? served.rates
            .slice(nth + 1, nth + WAYS)
            .map((other) => ({ ...ratio(other, plain), of: `${plain.chart}: ${other.who}` }))
        : [],
    );
    const stores = await compareStores(context);
    const ofOne = (nth: number) => median(ratios[nth * (WAYS - 1)]?.rounds ?? []);
    return {
      benchmark: 'tenants',
      setting:
        `registerCustomer, a customer by id and a page of ${CUSTOMERS} over HTTP by ${CALLERS} callers, ${context.rounds} rounds in turns of ` +
        `${SLICE_MS} ms, on a server without tenants, on one for one tenant with a database, and on two for ${TENANTS} tenants whose callers ` +
        'take turns: with a database for each, and with one for all. Then tenants are opened one after the other: created, and ' +
        'opened again by a server that has just started. Then, without the API, a live message on another server, a rebuild and the disk ' +
        'that the log, its streams and a read model take, for a tenant of a shared database and without tenants.',
      measurements: [...served.rates, ...opening, ...served.memory, ...stores.measurements],
      ratios: [...ratios, ...stores.ratios],
      goals: [
        atLeast(0.9, 'times as many commands for one tenant with a database as without', ofOne(0)),
        atLeast(0.9, 'times as many reads for one tenant with a database as without', ofOne(1)),
      ],
    };
  },
};

/** Servers that are compared. */
const WAYS = 4;

async function serving({ postgres, rounds, seconds, quick, say }: BenchContext) {
  const open = async (name: string, options: Partial<ApiOptions>) =>
    openApi(await prepareDatabase(postgres, name), { domains: DOMAINS, connections: CALLERS, ...options });
  const plain = await open('tenants_none', {});
  const one = await open('tenants_one', { tenants: 'database', settings: { TENANTS_OPEN: '1' } });
  const many = await open('tenants_many', { tenants: 'database' });
  const shared = await open('tenants_shared', { tenants: 'column' });
  try {
    const names = Array.from({ length: TENANTS }, (_, nth) => `tenant-${nth}`);
    const contenders = [
      { who: 'Afterwrite', api: plain, tenants: [undefined] },
      { who: 'Afterwrite, a database for each of one tenant', api: one, tenants: ['single'] },
      { who: `Afterwrite, a database for each of ${TENANTS} tenants`, api: many, tenants: names },
      { who: `Afterwrite, one database for ${TENANTS} tenants`, api: shared, tenants: names },
    ];
    const memory: Measurement[] = [];
    const heap = { chart: 'Heap of an open tenant', at: '', unit: 'kB' } as const;
    const rows: { readonly who: string; readonly command: Rate; readonly read: Rate; readonly page: Rate }[] = [];
    for (const { who, api, tenants } of contenders) {
      const before = (await api.memory()).heapUsed;
      const ids = new Map<string | undefined, string>();
      for (const tenant of tenants) ids.set(tenant, await registered(api, tenant));
      const perTenant = ((await api.memory()).heapUsed - before) / tenants.length;
      if (tenants.length > 1) memory.push({ ...heap, who, rounds: [perTenant / 1000] });
      let turn = 0;
      const next = () => tenants[turn++ % tenants.length];
      const rate = (call: (tenant: string | undefined) => Promise<unknown>) => () =>
        callsPerSecond(CALLERS, SLICE_MS, () => call(next()));
      rows.push({
        who,
        command: rate((tenant) => api.command(REGISTER, person, tenant)),
        read: rate(async (tenant) => {
          const id = ids.get(tenant);
          const { customer } = await api.request<{ customer: { id: string } | null }>(READ, { id }, tenant);
          if (customer?.id !== id) throw new Error('A customer was not answered.');
        }),
        page: rate(async (tenant) => {
          const { customers } = await api.request<{ customers: { nodes: unknown[] } }>(PAGE, {}, tenant);
          if (customers.nodes.length !== CUSTOMERS) throw new Error('A page was not answered.');
        }),
      });
    }
    const charts = [
      {
        chart: 'Commands over HTTP with tenants',
        unit: 'commands/s',
        pick: (row: (typeof rows)[number]) => row.command,
      },
      {
        chart: 'Reads by id over HTTP with tenants',
        unit: 'requests/s',
        pick: (row: (typeof rows)[number]) => row.read,
      },
      { chart: 'Pages over HTTP with tenants', unit: 'requests/s', pick: (row: (typeof rows)[number]) => row.page },
    ] as const;
    const rates: Measurement[] = await inPasses(
      charts.flatMap(({ chart, unit, pick }) =>
        rows.map((row) => ({ chart, unit, at: '', who: row.who, run: pick(row) })),
      ),
      { rounds, passes: quick ? 1 : seconds },
      say,
    );
    return { rates, memory };
  } finally {
    await Promise.all([plain, one, many, shared].map((api) => api.close()));
  }
}

type Rate = () => Promise<number>;

/** How long the first request of a tenant takes: if its database is created for it, and if it is opened. */
async function openings(
  { postgres, rounds, say }: BenchContext,
  tenants: 'database' | 'column',
): Promise<Measurement[]> {
  const url = await prepareDatabase(postgres, `tenants_opened_${tenants}`);
  const timed = async () => {
    const api = await openApi(url, { domains: DOMAINS, tenants });
    const found: number[] = [];
    try {
      // What the code costs that runs for the first time is no tenant's.
      await api.request('{ __typename }', {}, 'warm');
      for (let round = 0; round < rounds; round++) {
        const began = performance.now();
        await api.request('{ __typename }', {}, `tenant-${round}`);
        found.push(performance.now() - began);
      }
    } finally {
      await api.close();
    }
    return found;
  };
  const shown = { chart: 'First request of a tenant', at: '', unit: 'ms' } as const;
  const what = tenants === 'database' ? 'its database is' : 'its part of one database is';
  say('  creating and opening tenants');
  const created = await timed();
  const opened = await timed();
  return [
    { ...shown, who: `Afterwrite, ${what} created`, rounds: created },
    { ...shown, who: `Afterwrite, ${what} opened`, rounds: opened },
  ];
}

/** The id of the last of some new customers, all of whom can be read. */
async function registered(api: BenchApi, tenant?: string): Promise<string> {
  for (let nth = 1; nth < CUSTOMERS; nth++) await api.command(REGISTER, person, tenant);
  const { aggregateId: id, token } = await api.command(REGISTER, person, tenant);
  const after = 'query ($id: ID!, $token: ConsistencyToken!) @readAfter(token: $token) { customer(id: $id) { id } }';
  await api.request(after, { id, token }, tenant);
  return id;
}
