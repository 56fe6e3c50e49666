import { SYSTEM } from '../../../src/kernel/define/access/actor.ts';
import type { BenchContext } from '../measuring/benchmark.ts';
import type { Measurement } from '../measuring/result.ts';
import { callsPerSecond, steadily } from '../measuring/rounds.ts';
import { percentile } from '../measuring/statistics.ts';
import { installMeter } from '../workloads/meters.ts';
import { type BenchEngine, openEngine, prepareDatabase } from './engine.ts';

const CALLERS = 32;
const LOADS = [0.5, 0.9];
const PERCENTILES = [50, 95, 99];

/** How long a read model needs from the receipt of a command to its row, at parts of the rate at which commands can be appended. */
export async function measureLiveLag({ postgres, rounds, seconds, say }: BenchContext): Promise<Measurement[]> {
  const engine = await openEngine(await prepareDatabase(postgres, 'live_lag'));
  await engine.start();
  const found = LOADS.map(() => [] as number[][]);
  const rates: number[] = [];
  try {
    for (let round = 0; round <= rounds; round++) {
      // Anew each round: what the machine can do changes.
      const rate = await callsPerSecond(CALLERS, 2000, () => install(engine));
      if (round > 0) rates.push(rate);
      await engine.projector.positions.reached('meters', engine.projector.head.position);
      for (const [index, load] of LOADS.entries()) {
        const lags = await steadily(rate * load, seconds, () => lagOf(engine));
        const label = round === 0 ? 'warming up' : `round ${round} of ${rounds}`;
        const shown = PERCENTILES.map((p) => `p${p} ${percentile(lags, p).toFixed(1)}`).join(', ');
        say(`  ${label}: live lag at ${Math.round(rate * load).toLocaleString('en')} commands/s: ${shown} ms`);
        if (round > 0) found[index]?.push(lags);
      }
    }
  } finally {
    await engine.close();
  }
  const most: Measurement = {
    chart: 'The append rate that live lag is measured at parts of',
    at: '',
    who: 'Afterwrite',
    unit: 'commands/s',
    rounds: rates,
  };
  const lags = LOADS.flatMap((load, index) =>
    PERCENTILES.map(
      (p): Measurement => ({
        chart: 'Live lag',
        at: `${load * 100} % of the append rate`,
        who: `p${p}`,
        unit: 'ms',
        rounds: (found[index] ?? []).map((values) => percentile(values, p)),
      }),
    ),
  );
  return [most, ...lags];
}

/** From the receipt to the row, in ms. */
async function lagOf(engine: BenchEngine): Promise<number> {
  const position = await install(engine);
  const answered = performance.now();
  await engine.projector.positions.reached('meters', position);
  return performance.now() - answered;
}

async function install(engine: BenchEngine): Promise<number> {
  const outcome = await engine.bus.execute(installMeter, { label: 'In the cellar' }, { actor: SYSTEM });
  if (outcome.kind !== 'accepted') throw new Error(`A command was not accepted: ${JSON.stringify(outcome)}`);
  return outcome.receipt.position;
}
