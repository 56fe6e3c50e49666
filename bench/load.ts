import postgres from 'postgres';
import { newId } from '../src/kernel/log/new-id.ts';
import type { CommandBus } from '../src/kernel/write/command-bus.ts';
import type { Benchmark } from './support/measuring/benchmark.ts';
import { inPasses } from './support/measuring/passes.ts';
import { atMost, type Measurement, ratio } from './support/measuring/result.ts';
import type { Contender } from './support/measuring/rounds.ts';
import { median } from './support/measuring/statistics.ts';
import { type BenchEngine, openEngine, prepareDatabase } from './support/running/engine.ts';
import {
  accounts,
  meters,
  metersWithoutSnapshots,
  type StreamKind,
  writeStreams,
} from './support/workloads/streams.ts';

const COMMANDS = 'A command on a stream';
const DEPOSITS = 'A deposit into an account';
const LENGTHS = [10, 1000, 10_000, 100_000];
const WITH = 'not in memory, with snapshots';
const WITHOUT = 'not in memory, without snapshots';
const IN_MEMORY = 'in memory';
/** Commands on the streams of each place, a round. */
const PASSES = 100;
/** If all events of a stream are read, a command may take half a second. */
const LONG_PASSES = 10;

/** Streams that are alike: where each stands on a chart, and what its commands go through. */
interface Place {
  readonly chart: string;
  readonly at: string;
  readonly who: string;
  readonly kind: StreamKind;
  readonly length: number;
  readonly engine: BenchEngine;
  readonly streams: number;
}

/** The cost of a command on longer and longer streams, when it has to be loaded and when it is in memory. */
export const benchmark: Benchmark = {
  name: 'load',
  run: async ({ postgres: server, rounds, quick, say }) => {
    const url = await prepareDatabase(server, 'load');
    // A memory for one stream, and always another one is asked for.
    const [small, unsaved, large, deposits] = await Promise.all([
      openEngine(url, [meters.domain], { stateCacheSize: 1 }),
      openEngine(url, [metersWithoutSnapshots.domain], { stateCacheSize: 1 }),
      openEngine(url, [meters.domain]),
      openEngine(url, [accounts.domain], { stateCacheSize: 1 }),
    ]);
    const lengths = quick ? LENGTHS.slice(0, 2) : LENGTHS;
    const [shortest, longest] = [LENGTHS[0], lengths.at(-1)] as [number, number];
    const places = [
      ...lengths.flatMap((length): Place[] => {
        const common = { chart: COMMANDS, at: `${length.toLocaleString('en')} events`, length };
        // Measured themselves they become longer, so that the short ones are many.
        const streams = Math.max(4, Math.min(2000, 100_000 / length));
        return [
          { ...common, who: WITH, kind: meters, engine: small, streams },
          { ...common, who: WITHOUT, kind: metersWithoutSnapshots, engine: unsaved, streams: Math.ceil(streams / 2) },
          { ...common, who: IN_MEMORY, kind: meters, engine: large, streams: Math.ceil(streams / 4) },
        ];
      }),
      ...[shortest, longest].map((length): Place => {
        const at = `${length.toLocaleString('en')} entries`;
        const streams = length === shortest ? 1000 : 4;
        return { chart: DEPOSITS, at, who: WITH, kind: accounts, length: length + 1, engine: deposits, streams };
      }),
    ];
    let measured: readonly Measurement[];
    try {
      const contenders: Contender[] = [];
      for (const place of places) {
        say(`  ${place.streams} streams of ${place.at}, ${place.who} …`);
        const next = inCircles(await prepare(url, place));
        const { chart, at, who, kind, engine } = place;
        contenders.push({ chart, at, who, unit: 'ms', run: () => commandMs(kind, engine.bus, next()) });
      }
      const [long, others] = [true, false].map((isLong) =>
        contenders.filter(({ who }) => (who === WITHOUT) === isLong),
      );
      measured = [
        ...(await inPasses(others ?? [], { rounds, passes: PASSES }, say)),
        ...(await inPasses(long ?? [], { rounds, passes: LONG_PASSES }, say)),
      ];
    } finally {
      await Promise.all([small, unsaved, large, deposits].map((engine) => engine.close()));
    }
    const measurements = measured.toSorted((a, b) => a.chart.localeCompare(b.chart) || a.who.localeCompare(b.who));
    const to = (chart: string, who: string) => {
      const of = measured.filter((each) => each.chart === chart && each.who === who);
      return ratio(of.at(-1) as Measurement, of[0] as Measurement);
    };
    const promised = to(COMMANDS, WITH);
    return {
      benchmark: 'load',
      setting:
        `One caller, one command after the other, each on another stream and adding one event to it: on the streams of each ` +
        `place in turn, ${PASSES} times a round (without snapshots ${LONG_PASSES}), of which the median is taken. Not in memory: ` +
        'in an engine that keeps one state, so that each command loads its stream, from a snapshot and the 0 to 99 events ' +
        "after it or from all events. Snapshots are taken by the product, with aggregates' default of one every 100 events.",
      measurements,
      ratios: [promised, to(COMMANDS, WITHOUT), to(COMMANDS, IN_MEMORY), to(DEPOSITS, WITH)],
      goals: [
        atMost(
          1.5,
          `times a command on ${shortest} events, on ${longest.toLocaleString('en')} with snapshots`,
          median(promised.rounds),
        ),
      ],
    };
  },
};

/** Writes a place's streams, has their snapshots taken, and makes their tails after these all lengths that there are. */
async function prepare(url: string, { kind, length, engine, who, streams }: Place): Promise<readonly string[]> {
  const { log } = engine;
  const ids = Array.from({ length: streams }, () => newId());
  await writeStreams(log, kind, ids, { to: length });
  if (who === IN_MEMORY) {
    for (const id of ids) await issue(kind, engine.bus, id);
    return ids;
  }
  const [aggregate] = kind.domain.aggregates;
  const every = aggregate?.snapshot.every ?? 0;
  if (every === 0 || length < every) return ids;
  // Another server reads them for the first time; closing it waits for the snapshots.
  const first = await openEngine(url, [kind.domain]);
  for (const id of ids) await issue(kind, first.bus, id);
  await first.close();
  await expectSnapshots(url, ids);
  for (const [nth, id] of ids.entries()) {
    const tail = Math.floor((nth * every) / ids.length);
    await writeStreams(log, kind, [id], { from: length + 1, to: length + 1 + tail });
  }
  return ids;
}

async function expectSnapshots(url: string, ids: readonly string[]): Promise<void> {
  const sql = postgres(url, { max: 1 });
  try {
    const [row] = await sql`select count(*)::int as count from es.snapshots where stream_id = any(${[...ids]}::uuid[])`;
    if (row?.count !== ids.length) throw new Error(`${row?.count} of ${ids.length} streams have a snapshot.`);
  } finally {
    await sql.end();
  }
}

function inCircles(ids: readonly string[]): () => string {
  let at = 0;
  return () => ids[at++ % ids.length] as string;
}

async function commandMs(kind: StreamKind, bus: CommandBus, streamId: string): Promise<number> {
  const began = performance.now();
  await issue(kind, bus, streamId);
  return performance.now() - began;
}

async function issue(kind: StreamKind, bus: CommandBus, streamId: string): Promise<void> {
  const { kind: answer } = await kind.command(bus, streamId);
  if (answer !== 'accepted') throw new Error(`A command was answered with ${answer}.`);
}
