import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { SYSTEM } from '../src/kernel/define/access/actor.ts';
import type { CommandOutcome } from '../src/kernel/define/command-outcome.ts';
import type { Benchmark } from './support/measuring/benchmark.ts';
import { atLeast, type Measurement, type Ratio, ratio } from './support/measuring/result.ts';
import { callsPerSecond } from './support/measuring/rounds.ts';
import { median } from './support/measuring/statistics.ts';
import { type BenchEngine, openEngine, prepareDatabase } from './support/running/engine.ts';
import { installMeter, meterDomain, readMeter } from './support/workloads/meters.ts';

/** Commands that are issued while the snapshot is held, before it is measured again. */
const MEANWHILE = 10_000;
const QUICK_MEANWHILE = 200;
const BEFORE = 'before';
const HELD = 'while a snapshot is held';

/** One way of working, and what was measured of it before and while a snapshot is held. */
interface Scene {
  readonly what: string;
  readonly callers: number;
  /** How much of the commands meanwhile it issues: one caller takes longer. */
  readonly share: number;
  /** Issues a command and answers its position. */
  readonly begin: (engine: BenchEngine) => Promise<() => Promise<number>>;
  readonly rates: Readonly<Record<string, number[]>>;
  readonly lags: Readonly<Record<string, number[]>>;
}

const none = () => ({ [BEFORE]: [], [HELD]: [] });
/** Each command creates a stream, and moves five checkpoints or more. */
const newStreams = (): Scene => ({
  ...{ what: 'on new streams', callers: 8, share: 1, rates: none(), lags: none() },
  begin: async (engine) => () => install(engine),
});
/** Each command updates the row of the same stream, and a row of each read model. */
const oneStream = (): Scene => ({
  ...{ what: 'on one stream', callers: 1, share: 0.5, rates: none(), lags: none() },
  begin: async (engine) => {
    const id = randomUUID();
    await install(engine, id);
    return () => read(engine, id);
  },
});

/**
 * Measures how a transaction that is left open, or a dump, slows down everybody else: rows that are updated often keep
 * all their versions.
 */
export const benchmark: Benchmark = {
  name: 'held-snapshot',
  run: async ({ postgres: server, rounds, seconds, quick, say }) => {
    const meanwhile = quick ? QUICK_MEANWHILE : MEANWHILE;
    const scenes = [newStreams(), oneStream()];
    for (let round = 1; round <= rounds; round++) {
      for (const scene of scenes) {
        await play(scene, await prepareDatabase(server, 'held_snapshot'), seconds, meanwhile * scene.share);
        const [before, held] = [BEFORE, HELD].map((who) => Math.round(scene.rates[who]?.at(-1) ?? 0));
        say(`  round ${round} of ${rounds}: ${before} commands/s ${scene.what}, then ${held}`);
      }
    }
    const results = scenes.map(resultOf);
    return {
      benchmark: 'held-snapshot',
      setting:
        '8 callers issue commands that create a stream (1 caller: commands on one stream), and wait until five read models have the event, ' +
        `for ${seconds} s. Then another connection begins a transaction at REPEATABLE READ and keeps it open; ` +
        `${meanwhile.toLocaleString('en')} such commands (half as many on one stream) later the same is measured again.`,
      measurements: results.flatMap(({ measurements }) => measurements),
      ratios: results.flatMap(({ ratios }) => ratios),
      goals: results.map(({ kept, what }) =>
        atLeast(0.8, `times the commands/s of before, ${what}`, median(kept.rounds)),
      ),
    };
  },
};

async function play(scene: Scene, url: string, seconds: number, meanwhile: number): Promise<void> {
  const { callers, begin, rates, lags } = scene;
  const engine = await openEngine(url, [meterDomain(5)]);
  const holder = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await engine.start();
    const command = await begin(engine);
    const measure = async (who: string) => {
      const waited: number[] = [];
      const rate = await callsPerSecond(callers, seconds * 1000, async () => {
        const position = await command();
        const began = performance.now();
        await reached(engine, position);
        waited.push(performance.now() - began);
      });
      rates[who]?.push(rate);
      lags[who]?.push(median(waited));
    };
    await callsPerSecond(callers, 1000, command);
    await measure(BEFORE);
    await holder.begin('isolation level repeatable read', async (sql) => {
      await sql`select from read.checkpoints`;
      let left = meanwhile;
      const worker = async () => {
        while (left-- > 0) await reached(engine, await command());
      };
      await Promise.all(Array.from({ length: callers }, worker));
      await measure(HELD);
    });
  } finally {
    await engine.close();
    await holder.end();
  }
}

function resultOf({ what, rates, lags }: Scene): {
  readonly what: string;
  readonly measurements: readonly Measurement[];
  readonly ratios: readonly Ratio[];
  readonly kept: Ratio;
} {
  const measurement = (chart: string, unit: Measurement['unit'], from: Scene['rates'], who: string): Measurement => ({
    ...{ chart, at: '', who, unit, rounds: from[who] ?? [] },
  });
  const [before, held] = [BEFORE, HELD].map((who) =>
    measurement(`Commands whose rows are waited for, ${what}`, 'commands/s', rates, who),
  ) as [Measurement, Measurement];
  const [lagBefore, lagHeld] = [BEFORE, HELD].map((who) =>
    measurement(`From a receipt until all read models have it, ${what}, median`, 'ms', lags, who),
  ) as [Measurement, Measurement];
  const kept = ratio(held, before);
  return { what, measurements: [before, held, lagBefore, lagHeld], ratios: [kept, ratio(lagHeld, lagBefore)], kept };
}

function install({ bus }: BenchEngine, id?: string): Promise<number> {
  return positionOf(
    bus.execute(installMeter, { id, label: 'In the cellar' }, { actor: SYSTEM, correlationId: randomUUID() }),
  );
}

function read({ bus }: BenchEngine, id: string): Promise<number> {
  return positionOf(bus.execute(readMeter, { id, value: 1 }, { actor: SYSTEM, correlationId: randomUUID() }));
}

async function positionOf(executed: Promise<CommandOutcome>): Promise<number> {
  const outcome = await executed;
  if (outcome.kind !== 'accepted') throw new Error(`A command was not accepted: ${JSON.stringify(outcome)}`);
  return outcome.receipt.position;
}

async function reached({ projector: { positions } }: BenchEngine, position: number): Promise<void> {
  await Promise.all(positions.names.map((name) => positions.reached(name, position)));
}
