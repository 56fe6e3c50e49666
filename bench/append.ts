import { SYSTEM } from '../src/kernel/define/actor.ts';
import { appendToNewStream, openEmmett } from './peers/emmett.ts';
import { type BenchEngine, openEngine, prepareDatabase } from './support/engine.ts';
import { installMeter } from './support/meters.ts';
import type { BenchPostgres } from './support/postgres.ts';
import { type Measurement, type Result, ratio } from './support/result.ts';
import { callsPerSecond, inTurn } from './support/rounds.ts';
import { median } from './support/statistics.ts';

const CALLERS = 32;
/** Short, and many: what else the machine does changes from second to second. */
const SLICE_MS = 1000;

/** Whole commands against an event store's bare append, one small event to a new stream each. */
export async function append(
  postgres: BenchPostgres,
  options: { readonly rounds: number; readonly seconds: number; readonly say: (line: string) => void },
): Promise<Result> {
  const { say } = options;
  const rounds = options.rounds * options.seconds;
  const urls = await Promise.all(['append_bare', 'append_projected'].map((name) => postgres.createDatabase(name)));
  for (const url of urls) await prepareDatabase(url);
  const [bare, projected] = (await Promise.all(urls.map(openEngine))) as [BenchEngine, BenchEngine];
  await projected.start();
  const emmett = await openEmmett(await postgres.createDatabase('append_emmett'));
  const measure = (call: () => Promise<unknown>) => callsPerSecond(CALLERS, SLICE_MS, call);
  const unit = 'commands/s';
  try {
    const [ours, oursProjected, theirs] = (await inTurn(
      [
        { name: 'Afterwrite: command bus', unit, run: () => measure(() => install(bare)) },
        {
          name: 'Afterwrite: command bus, read model kept',
          unit,
          run: async () => {
            const rate = await measure(() => install(projected));
            await projected.projector.positions.reached('meters', projected.projector.head.position);
            return rate;
          },
        },
        { name: 'Emmett: appendToStream', unit, run: () => measure(() => appendToNewStream(emmett)) },
      ],
      rounds,
      say,
    )) as [Measurement, Measurement, Measurement];
    const times = ratio(ours, theirs);
    const value = median(times.rounds);
    return {
      benchmark: 'append',
      setting:
        `Appending: ${CALLERS} callers, one small event to a new stream each, ${rounds} rounds of a second in turn. ` +
        'A command is validated, decided and appended; with the read model kept, its row is also written meanwhile.',
      measurements: [ours, oursProjected, theirs],
      ratios: [times, ratio(oursProjected, theirs)],
      goals: [{ text: "at least 5 times Emmett's appendToStream", value, met: value >= 5 }],
    };
  } finally {
    await Promise.all([bare.close(), projected.close(), emmett.close()]);
  }
}

async function install(engine: BenchEngine): Promise<void> {
  const outcome = await engine.bus.execute(installMeter, { label: 'In the cellar' }, { actor: SYSTEM });
  if (outcome.kind !== 'accepted') throw new Error(`A command was not accepted: ${JSON.stringify(outcome)}`);
}
