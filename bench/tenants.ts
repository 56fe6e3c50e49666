import type { BenchContext, Benchmark } from './support/measuring/benchmark.ts';
import { inPasses } from './support/measuring/passes.ts';
import { atLeast, type Measurement, ratio } from './support/measuring/result.ts';
import { callsPerSecond } from './support/measuring/rounds.ts';
import { median } from './support/measuring/statistics.ts';
import { type BenchApi, commandDocument, openApi } from './support/running/api.ts';
import { prepareDatabase } from './support/running/engine.ts';

const CALLERS = 32;
const SLICE_MS = 250;
/** As many as are open by default. */
const TENANTS = 8;
const DOMAINS = ['customers'];
const REGISTER = commandDocument('registerCustomer', 'RegisterCustomerInput');
const READ = 'query Read($id: ID!) { customer(id: $id) { id name version } }';
const person = { name: 'Ada', email: 'ada@example.org' };

/** What a database for each tenant costs, beside a server without tenants. */
export const benchmark: Benchmark = {
  name: 'tenants',
  run: async (context) => {
    const served = await serving(context);
    const opening = await openings(context);
    const [plainCommands, commandsOfOne, , plainReads, readsOfOne] = served.rates;
    const commands = { ...ratio(commandsOfOne, plainCommands), of: 'commands: one tenant' };
    const reads = { ...ratio(readsOfOne, plainReads), of: 'reads: one tenant' };
    return {
      benchmark: 'tenants',
      setting:
        `registerCustomer and a customer by id over HTTP by ${CALLERS} callers, ${context.rounds} rounds in turns of ${SLICE_MS} ms, on a ` +
        'server without tenants, on one for one tenant, and on one for eight whose callers take turns. Then tenants are opened ' +
        'one after the other: created, and opened again by a server that has just started.',
      measurements: [...served.rates, ...opening, served.memory],
      ratios: [commands, reads],
      goals: [
        atLeast(0.9, 'times as many commands for one tenant as without', median(commands.rounds)),
        atLeast(0.9, 'times as many reads for one tenant as without', median(reads.rounds)),
      ],
    };
  },
};

async function serving({ postgres, rounds, seconds, quick, say }: BenchContext) {
  const settings = { TENANTS_OPEN: '1' };
  const plain = await openApi(await prepareDatabase(postgres, 'tenants_none'), {
    domains: DOMAINS,
    connections: CALLERS,
  });
  const one = await openApi(await prepareDatabase(postgres, 'tenants_one'), {
    ...{ domains: DOMAINS, hasTenants: true, connections: CALLERS, settings },
  });
  const many = await openApi(await prepareDatabase(postgres, 'tenants_many'), {
    ...{ domains: DOMAINS, hasTenants: true, connections: CALLERS },
  });
  try {
    const names = Array.from({ length: TENANTS }, (_, nth) => `tenant-${nth}`);
    const ids = new Map<string | undefined, string>();
    ids.set(undefined, await registered(plain));
    ids.set('single', await registered(one, 'single'));
    const alone = (await many.memory()).heapUsed;
    for (const name of names) ids.set(name, await registered(many, name));
    const perTenant = ((await many.memory()).heapUsed - alone) / TENANTS;
    let turn = 0;
    const next = () => names[turn++ % TENANTS] as string;
    const rate = (call: () => Promise<unknown>) => () => callsPerSecond(CALLERS, SLICE_MS, call);
    const read = async (api: BenchApi, tenant?: string) => {
      const id = ids.get(tenant);
      const { customer } = await api.request<{ customer: { id: string } | null }>(READ, { id }, tenant);
      if (customer?.id !== id) throw new Error('A customer was not answered.');
    };
    const who = {
      none: 'Afterwrite',
      one: 'Afterwrite, a database for each of one tenant',
      many: `Afterwrite, a database for each of ${TENANTS} tenants`,
    };
    const commands = { chart: 'Commands over HTTP with tenants', at: '', unit: 'commands/s' } as const;
    const reads = { chart: 'Reads by id over HTTP with tenants', at: '', unit: 'requests/s' } as const;
    const rates = await inPasses(
      [
        { ...commands, who: who.none, run: rate(() => plain.command(REGISTER, person)) },
        { ...commands, who: who.one, run: rate(() => one.command(REGISTER, person, 'single')) },
        { ...commands, who: who.many, run: rate(() => many.command(REGISTER, person, next())) },
        { ...reads, who: who.none, run: rate(() => read(plain)) },
        { ...reads, who: who.one, run: rate(() => read(one, 'single')) },
        { ...reads, who: who.many, run: rate(() => read(many, next())) },
      ] as const,
      { rounds, passes: quick ? 1 : seconds },
      say,
    );
    const memory: Measurement = {
      ...{ chart: 'Heap of an open tenant', at: '', who: 'Afterwrite', unit: 'kB' },
      rounds: [perTenant / 1000],
    };
    return { rates, memory };
  } finally {
    await Promise.all([plain, one, many].map((api) => api.close()));
  }
}

/** How long the first request of a tenant takes: if its database is created for it, and if it is opened. */
async function openings({ postgres, rounds, say }: BenchContext): Promise<Measurement[]> {
  const url = await prepareDatabase(postgres, 'tenants_opened');
  const timed = async () => {
    const api = await openApi(url, { domains: DOMAINS, hasTenants: true });
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
  say('  creating and opening tenants');
  const created = await timed();
  const opened = await timed();
  return [
    { ...shown, who: 'Afterwrite, its database is created', rounds: created },
    { ...shown, who: 'Afterwrite, its database is opened', rounds: opened },
  ];
}

/** The id of a new customer, who can be read. */
async function registered(api: BenchApi, tenant?: string): Promise<string> {
  const { aggregateId: id, token } = await api.command(REGISTER, person, tenant);
  const after = 'query ($id: ID!, $token: ConsistencyToken!) @readAfter(token: $token) { customer(id: $id) { id } }';
  await api.request(after, { id, token }, tenant);
  return id;
}
