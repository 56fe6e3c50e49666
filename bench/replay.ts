import postgres from 'postgres';
import { countReadings, emptyDocuments, openEmmett, rebuild } from './peers/emmett.ts';
import { openEngine, prepareDatabase } from './support/engine.ts';
import type { BenchPostgres } from './support/postgres.ts';
import { EVENTS_PER_STREAM, writeEmmettLog, writeLog } from './support/replayed-log.ts';
import { type Measurement, type Result, ratio } from './support/result.ts';
import { inTurn } from './support/rounds.ts';
import { median } from './support/statistics.ts';

const STREAMS = 40_000;
/** Emmett replays about a thousand events a second, fewer the longer its log is: a short one is in its favour. */
const EMMETT_STREAMS = 1000;
const GOAL = 30_000;

/** Filling a read model of one row a stream from the whole log. */
export async function replay(
  server: BenchPostgres,
  options: { readonly rounds: number; readonly say: (line: string) => void },
): Promise<Result> {
  const { rounds, say } = options;
  const url = await server.createDatabase('replay');
  await prepareDatabase(url);
  say('  writing the logs');
  const writer = await openEngine(url);
  await writeLog(writer.log, STREAMS);
  await writer.close();
  const emmettUrl = await server.createDatabase('replay_emmett');
  const emmett = await openEmmett(emmettUrl);
  await writeEmmettLog(emmett, EMMETT_STREAMS);
  await emmett.close();

  const events = STREAMS * EVENTS_PER_STREAM;
  const emmettEvents = EMMETT_STREAMS * EVENTS_PER_STREAM;
  const [ours, theirs] = (await inTurn(
    [
      { name: 'Afterwrite: projector', unit: 'events/s', run: () => replayOnce(url, events) },
      {
        name: 'Emmett: rebuildPostgreSQLProjections',
        unit: 'events/s',
        run: () => replayEmmettOnce(emmettUrl, emmettEvents),
      },
    ],
    rounds,
    say,
  )) as [Measurement, Measurement];
  const value = median(ours.rounds);
  return {
    benchmark: 'replay',
    setting:
      `Replaying: ${events.toLocaleString('en')} events on ${STREAMS.toLocaleString('en')} streams that take turns ` +
      `(Emmett: ${emmettEvents.toLocaleString('en')} on ${EMMETT_STREAMS.toLocaleString('en')}) ` +
      `into one row a stream, from a fresh checkpoint, ${rounds} rounds in turn.`,
    measurements: [ours, theirs],
    ratios: [ratio(ours, theirs)],
    goals: [{ text: `at least ${GOAL.toLocaleString('en')} events/s`, value, met: value >= GOAL }],
  };
}

/** From an empty table and a checkpoint at 0 to the end of the log; what is in the table then is looked at. */
async function replayOnce(url: string, events: number): Promise<number> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  const engine = await openEngine(url);
  try {
    await sql`truncate read.meters`;
    await sql`delete from read.checkpoints`;
    await sql`checkpoint`;
    const rate = await perSecond(events, async () => {
      await engine.start();
      await engine.projector.positions.reached('meters', events);
    });
    const [row] = await sql<{ rows: number; readings: number }[]>`
      select count(*)::int as rows, sum(readings)::int as readings from read.meters`;
    if (row?.rows !== STREAMS || row.readings !== events - STREAMS) throw new Error(`The rows are wrong: ${row?.rows}`);
    return rate;
  } finally {
    await engine.close();
    await sql.end();
  }
}

async function replayEmmettOnce(url: string, events: number): Promise<number> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await emptyDocuments(sql);
    await sql`checkpoint`;
    const rate = await perSecond(events, () => rebuild(url, 1000));
    const readings = await countReadings(sql);
    if (readings !== events - EMMETT_STREAMS) throw new Error(`Emmett replayed ${readings} readings.`);
    return rate;
  } finally {
    await sql.end();
  }
}

async function perSecond(count: number, work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return count / ((performance.now() - began) / 1000);
}
