import { Pool } from 'undici';
import { SYSTEM } from '../src/kernel/define/access/actor.ts';
import type { Command } from '../src/kernel/define/command.ts';
import { handleOnHotStream, handleOnNewStream, openEmmett } from './peers/emmett.ts';
import type { BenchContext, Benchmark } from './support/measuring/benchmark.ts';
import { type Child, cpuOf, startChild } from './support/measuring/child.ts';
import { atLeast, ratio } from './support/measuring/result.ts';
import { type Contender, callsPerSecond, cpuPerCall, inTurn } from './support/measuring/rounds.ts';
import { median } from './support/measuring/statistics.ts';
import { commandDocument, openApi } from './support/running/api.ts';
import { type BenchEngine, openEngine, prepareDatabase } from './support/running/engine.ts';
import { installMeter, readMeter } from './support/workloads/meters.ts';

const CALLERS = 32;
const SLICE_MS = 1000;
const unit = 'commands/s';

/** Whole commands: validated, loaded, decided, appended; in process and as mutations over HTTP. */
export const benchmark: Benchmark = {
  name: 'command',
  run: async (context) => {
    const turns = context.quick ? 1 : context.rounds * Math.ceil(context.seconds / 2);
    const inProcess = await measureInProcess(context, turns);
    const overHttp = await measureOverHttp(context, turns);
    const [ours, , theirs, hot, hotTheirs] = inProcess;
    const [mutation, nothing, cpuOfMutation, , , cpuOfSql, cpuOfBus] = overHttp;
    return {
      benchmark: 'command',
      setting:
        `Whole commands by ${CALLERS} callers, ${turns} rounds of ${SLICE_MS / 1000} s in turn. In process: through the command bus ` +
        "(validated, loaded, decided, appended), beside Emmett's CommandHandler on its Postgres store, which is tried again " +
        'where others came first. Over HTTP: registerCustomer with keep-alive connections, read models kept, beside a ' +
        'mutation of the same server that does nothing. CPU: of the server alone, beside what a mutation cannot do without: ' +
        'a node:http server that parses the same body and answers a constant; one that inserts an event and a row with ' +
        "postgres.js; one that issues a command to Afterwrite's engine, which keeps a read model of one row a stream.",
      measurements: [...inProcess, ...overHttp],
      ratios: [
        ratio(ours, theirs),
        { ...ratio(hot, hotTheirs), of: `one stream: ${hot.who}` },
        ratio(mutation, nothing),
        ...[cpuOfSql, cpuOfBus].map((floor) => ({ ...ratio(cpuOfMutation, floor), of: `CPU: ${cpuOfMutation.who}` })),
      ],
      goals: [atLeast(2000, 'commands/s on one stream', median(hot.rounds))],
    };
  },
};

async function measureInProcess({ postgres, say }: BenchContext, turns: number) {
  const [bare, projected] = (await Promise.all(
    ['command_bare', 'command_projected'].map(async (name) => openEngine(await prepareDatabase(postgres, name))),
  )) as [BenchEngine, BenchEngine];
  await projected.start();
  const emmett = await openEmmett(await postgres.createDatabase('command_emmett'));
  const measure = (call: () => Promise<unknown>) => callsPerSecond(CALLERS, SLICE_MS, call);
  const fresh = { chart: 'Whole commands, new streams', at: '', unit } as const;
  const hot = { chart: 'Whole commands, one stream', at: '', unit } as const;
  const id = await issue(bare, installMeter, { label: 'In the cellar' });
  const emmettHot = await handleOnHotStream(emmett);
  try {
    return await inTurn(
      [
        {
          ...fresh,
          who: 'Afterwrite',
          run: () => measure(() => issue(bare, installMeter, { label: 'In the cellar' })),
        },
        {
          ...fresh,
          who: 'Afterwrite, read model kept',
          run: async () => {
            const rate = await measure(() => issue(projected, installMeter, { label: 'In the cellar' }));
            await projected.projector.positions.reached('meters', projected.projector.head.position);
            return rate;
          },
        },
        { ...fresh, who: 'Emmett', run: () => measure(() => handleOnNewStream(emmett)) },
        { ...hot, who: 'Afterwrite', run: () => measure(() => issue(bare, readMeter, { id, value: 7 })) },
        { ...hot, who: 'Emmett', run: () => measure(emmettHot) },
      ] as const,
      turns,
      say,
    );
  } finally {
    await Promise.all([bare.close(), projected.close(), emmett.close()]);
  }
}

async function measureOverHttp({ postgres, say }: BenchContext, turns: number) {
  const api = await openApi(await postgres.createDatabase('command_http'), {
    domains: ['customers'],
    connections: CALLERS,
  });
  const bare = await BareMutations.start(await prepareDatabase(postgres, 'command_bare_http'));
  const register = commandDocument('registerCustomer', 'RegisterCustomerInput');
  const shown = { chart: 'Mutations over HTTP', at: '', unit } as const;
  let n = 0;
  const person = () => ({ name: `Customer ${++n}`, email: `c${n}@example.com` });
  const registerOne = () => api.command(register, person());
  const doNothing = () => api.request('mutation { doNothing }');
  const measure = (call: () => Promise<unknown>) => callsPerSecond(CALLERS, SLICE_MS, call);
  const cpu = (who: string, call: () => Promise<unknown>, used: () => Promise<number>): Contender => ({
    ...{ chart: 'CPU of the server for a mutation over HTTP', at: '', unit: 'µs', who },
    run: () => cpuPerCall(CALLERS, SLICE_MS, call, used),
  });
  const cpuOfBare = (who: string, path: string) => cpu(who, () => bare.post(path, register, person()), bare.cpu);
  try {
    return await inTurn(
      [
        {
          ...shown,
          who: 'Afterwrite: registerCustomer',
          run: () => measure(registerOne),
        },
        {
          ...shown,
          who: 'Afterwrite: a mutation that does nothing',
          run: () => measure(doNothing),
        },
        cpu('Afterwrite: registerCustomer', registerOne, api.cpu),
        cpu('Afterwrite: a mutation that does nothing', doNothing, api.cpu),
        cpuOfBare('node:http, a constant', '/json'),
        cpuOfBare('node:http, postgres.js: an event and a row', '/sql'),
        cpuOfBare("node:http, Afterwrite's engine without GraphQL", '/bus'),
      ] as const,
      turns,
      say,
    );
  } finally {
    await Promise.all([api.close(), bare.close()]);
  }
}

/** Sends what a client of the API sends to the server in `peers/bare-mutations.ts`. */
class BareMutations {
  readonly #server: Child<{ url: string }>;
  readonly #pool: Pool;

  private constructor(server: Child<{ url: string }>) {
    this.#server = server;
    this.#pool = new Pool(server.started.url, { connections: CALLERS, pipelining: 1 });
  }

  static async start(databaseUrl: string): Promise<BareMutations> {
    const peer = new URL('./peers/bare-mutations.ts', import.meta.url);
    return new BareMutations(await startChild<{ url: string }>(peer, { DATABASE_URL: databaseUrl }));
  }

  /** @throws if the answer has no receipt. */
  async post(path: string, query: string, input: object): Promise<void> {
    const body = JSON.stringify({ query, variables: { input } });
    const headers = { 'content-type': 'application/json' };
    const answer = await this.#pool.request({ method: 'POST', path, headers, body });
    const { data } = (await answer.body.json()) as { data?: { done?: { version?: number } } };
    if (data?.done?.version !== 1) throw new Error(`A request to ${path} was not answered.`);
  }

  readonly cpu = (): Promise<number> => cpuOf(this.#server);

  async close(): Promise<void> {
    await this.#pool.close();
    await this.#server.end();
  }
}

async function issue(engine: BenchEngine, command: Command, input: unknown): Promise<string> {
  const outcome = await engine.bus.executeUnchecked(command, input, { actor: SYSTEM });
  if (outcome.kind !== 'accepted') throw new Error(`A command was not accepted: ${JSON.stringify(outcome)}`);
  return outcome.receipt.aggregateId;
}
