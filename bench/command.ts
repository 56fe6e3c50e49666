import { SYSTEM } from '../src/kernel/define/access/actor.ts';
import type { Command } from '../src/kernel/define/command.ts';
import { handleOnHotStream, handleOnNewStream, openEmmett } from './peers/emmett.ts';
import type { BenchContext, Benchmark } from './support/measuring/benchmark.ts';
import { atLeast, type Measurement, ratio } from './support/measuring/result.ts';
import { callsPerSecond, cpuPerCall, inTurn } from './support/measuring/rounds.ts';
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
    const [mutation, nothing] = overHttp;
    return {
      benchmark: 'command',
      setting:
        `Whole commands by ${CALLERS} callers, ${turns} rounds of ${SLICE_MS / 1000} s in turn. In process: through the command bus ` +
        "(validated, loaded, decided, appended), beside Emmett's CommandHandler on its Postgres store, which is tried again " +
        'where others came first. Over HTTP: registerCustomer with keep-alive connections, read models kept, beside a ' +
        'mutation of the same server that does nothing.',
      measurements: [...inProcess, ...overHttp],
      ratios: [
        ratio(ours, theirs),
        { ...ratio(hot, hotTheirs), of: `one stream: ${hot.who}` },
        ratio(mutation, nothing),
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

async function measureOverHttp(
  { postgres, say }: BenchContext,
  turns: number,
): Promise<[Measurement, Measurement, Measurement]> {
  const api = await openApi(await postgres.createDatabase('command_http'), {
    domains: ['customers'],
    connections: CALLERS,
  });
  const register = commandDocument('registerCustomer', 'RegisterCustomerInput');
  const shown = { chart: 'Mutations over HTTP', at: '', unit } as const;
  let n = 0;
  const registerOne = () => api.command(register, { name: `Customer ${++n}`, email: `c${n}@example.com` });
  const measure = (call: () => Promise<unknown>) => callsPerSecond(CALLERS, SLICE_MS, call);
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
          run: () => measure(() => api.request('mutation { doNothing }')),
        },
        {
          ...{ chart: 'CPU of the server for a mutation over HTTP', at: '', unit: 'µs' },
          who: 'Afterwrite: registerCustomer',
          run: () => cpuPerCall(CALLERS, SLICE_MS, registerOne, api.cpu),
        },
      ] as const,
      turns,
      say,
    );
  } finally {
    await api.close();
  }
}

async function issue(engine: BenchEngine, command: Command, input: unknown): Promise<string> {
  const outcome = await engine.bus.executeUnchecked(command, input, { actor: SYSTEM });
  if (outcome.kind !== 'accepted') throw new Error(`A command was not accepted: ${JSON.stringify(outcome)}`);
  return outcome.receipt.aggregateId;
}
