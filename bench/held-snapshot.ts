import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { SYSTEM } from '../src/kernel/define/actor.ts';
import type { Benchmark } from './support/benchmark.ts';
import { type BenchEngine, openEngine, prepareDatabase } from './support/engine.ts';
import { installMeter, meterDomain } from './support/meters.ts';
import { atLeast, type Measurement, ratio } from './support/result.ts';
import { callsPerSecond } from './support/rounds.ts';
import { median } from './support/statistics.ts';

const CALLERS = 8;
/** Commands that are issued while the snapshot is held, before it is measured again: each moves five checkpoints or more. */
const MEANWHILE = 10_000;
const QUICK_MEANWHILE = 200;
const BEFORE = 'before';
const HELD = 'while a snapshot is held';

/** What a transaction that is left open, or a dump, costs everybody else: rows that are updated often keep all their versions. */
export const benchmark: Benchmark = {
  name: 'held-snapshot',
  run: async ({ postgres: server, rounds, seconds, quick, say }) => {
    const meanwhile = quick ? QUICK_MEANWHILE : MEANWHILE;
    const rates: Record<string, number[]> = { [BEFORE]: [], [HELD]: [] };
    const lags: Record<string, number[]> = { [BEFORE]: [], [HELD]: [] };
    const measure = async (engine: BenchEngine, who: string) => {
      const waited: number[] = [];
      const rate = await callsPerSecond(CALLERS, seconds * 1000, async () => {
        const position = await install(engine);
        const began = performance.now();
        await reached(engine, position);
        waited.push(performance.now() - began);
      });
      rates[who]?.push(rate);
      lags[who]?.push(median(waited));
    };
    for (let round = 1; round <= rounds; round++) {
      const url = await prepareDatabase(server, 'held_snapshot');
      const engine = await openEngine(url, [meterDomain(5)]);
      const holder = postgres(url, { max: 1, onnotice: () => {} });
      try {
        await engine.start();
        await callsPerSecond(CALLERS, 1000, () => install(engine));
        await measure(engine, BEFORE);
        await holder.begin('isolation level repeatable read', async (sql) => {
          await sql`select from read.checkpoints`;
          let left = meanwhile;
          const worker = async () => {
            while (left-- > 0) await reached(engine, await install(engine));
          };
          await Promise.all(Array.from({ length: CALLERS }, worker));
          await measure(engine, HELD);
        });
      } finally {
        await engine.close();
        await holder.end();
      }
      say(
        `  round ${round} of ${rounds}: ${Math.round(rates[BEFORE]?.at(-1) ?? 0)} commands/s, then ${Math.round(rates[HELD]?.at(-1) ?? 0)}`,
      );
    }
    const rate = (who: string): Measurement => ({
      ...{ chart: 'Commands whose rows are waited for', at: '', who, unit: 'commands/s' },
      rounds: rates[who] ?? [],
    });
    const lag = (who: string): Measurement => ({
      ...{ chart: 'From a receipt until all read models have it, median', at: '', who, unit: 'ms' },
      rounds: lags[who] ?? [],
    });
    const [before, held] = [rate(BEFORE), rate(HELD)];
    const kept = ratio(held, before);
    return {
      benchmark: 'held-snapshot',
      setting:
        `${CALLERS} callers issue commands that create a stream, and wait until five read models have the event, for ${seconds} s. ` +
        'Then another connection begins a transaction at REPEATABLE READ and keeps it open; ' +
        `${meanwhile.toLocaleString('en')} such commands later the same is measured again.`,
      measurements: [before, held, lag(BEFORE), lag(HELD)],
      ratios: [kept, ratio(lag(HELD), lag(BEFORE))],
      goals: [atLeast(0.8, 'times the commands/s of before', median(kept.rounds))],
    };
  },
};

async function install(engine: BenchEngine): Promise<number> {
  const outcome = await engine.bus.execute(
    installMeter,
    { label: 'In the cellar' },
    { actor: SYSTEM, correlationId: randomUUID() },
  );
  if (outcome.kind !== 'accepted') throw new Error(`A command was not accepted: ${JSON.stringify(outcome)}`);
  return outcome.receipt.position;
}

async function reached({ projector: { positions } }: BenchEngine, position: number): Promise<void> {
  await Promise.all(positions.names.map((name) => positions.reached(name, position)));
}
