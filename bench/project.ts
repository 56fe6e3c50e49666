import postgres from 'postgres';
import { countReadings, emptyDocuments, openEmmett, rebuild } from './peers/emmett.ts';
import type { BenchContext, Benchmark } from './support/measuring/benchmark.ts';
import { atLeast, atMost, below, ratio } from './support/measuring/result.ts';
import { inTurn, perSecond } from './support/measuring/rounds.ts';
import { median } from './support/measuring/statistics.ts';
import { openEngine, prepareDatabase } from './support/running/engine.ts';
import { measureLiveLag } from './support/running/live-lag.ts';
import { EVENTS_PER_STREAM, writeEmmettLog, writeLog } from './support/running/replayed-log.ts';
import { meterDomain } from './support/workloads/meters.ts';

const STREAMS = 100_000;
/** Emmett replays about a thousand events a second, fewer the longer its log is: a short one is in its favour. */
const EMMETT_STREAMS = 1000;
const REPLAY = 'Replay';
const unit = 'events/s';

/** Filling read models from the whole log, and keeping one while events come in. */
export const benchmark: Benchmark = {
  name: 'project',
  run: async (context) => {
    const streams = context.quick ? STREAMS / 100 : STREAMS;
    const [one, five, theirs, limit] = await measureReplay(context, streams);
    const lags = await measureLiveLag(context);
    const p99AtHalf = lags.find(({ at, who }) => at.startsWith('50 %') && who === 'p99');
    const times = ratio(one, theirs);
    const ofLimit = ratio(one, limit);
    const ofFive = ratio(one, five);
    const n = (count: number) => count.toLocaleString('en');
    return {
      benchmark: 'project',
      setting:
        `Replaying: ${n(streams * EVENTS_PER_STREAM)} events on ${n(streams)} streams that take turns (Emmett: ` +
        `${n(EMMETT_STREAMS * EVENTS_PER_STREAM)} on ${n(EMMETT_STREAMS)}) into read models of one row a stream, from fresh ` +
        `checkpoints, ${context.rounds} rounds in turn; one INSERT … SELECT … GROUP BY that knows the answer's SQL as the limit. ` +
        'Live lag: from the receipt of a command to its row, while commands for new streams come in at a steady pace, beside ' +
        'the rate that 32 callers reach in the same round.',
      measurements: [one, five, theirs, limit, ...lags],
      ratios: [times, ratio(five, theirs), ofLimit, ofFive],
      goals: [
        atLeast(0.1, 'times the speed of INSERT … SELECT into one read model', median(ofLimit.rounds)),
        atMost(3, 'times the time of one read model for five', median(ofFive.rounds)),
        atLeast(40, 'times Emmett', median(times.rounds)),
        below(50, 'ms live lag p99 at 50 % load', median(p99AtHalf?.rounds ?? [])),
      ],
    };
  },
};

async function measureReplay({ postgres: server, rounds, say }: BenchContext, streams: number) {
  say('  writing the logs');
  const url = await prepareDatabase(server, 'project');
  const writer = await openEngine(url);
  await writeLog(writer.log, streams);
  await writer.close();
  const emmettUrl = await server.createDatabase('project_emmett');
  const emmett = await openEmmett(emmettUrl);
  await writeEmmettLog(emmett, EMMETT_STREAMS);
  await emmett.close();
  const shown = { chart: REPLAY, at: '', unit } as const;
  return inTurn(
    [
      { ...shown, who: 'Afterwrite, one read model', run: () => replayOnce(url, streams, 1) },
      { ...shown, who: 'Afterwrite, five read models', run: () => replayOnce(url, streams, 5) },
      { ...shown, who: 'Emmett, one read model', run: () => replayEmmettOnce(emmettUrl) },
      { ...shown, who: 'INSERT … SELECT', run: () => insertSelect(url, streams) },
    ],
    rounds,
    say,
  );
}

/** Measures from empty tables and checkpoints at 0 to the end of the log, then checks what is in the tables. */
async function replayOnce(url: string, streams: number, readModels: number): Promise<number> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  const domain = meterDomain(readModels);
  const engine = await openEngine(url, [domain]);
  const events = streams * EVENTS_PER_STREAM;
  try {
    const tables = await sql<{ name: string }[]>`
      select table_name as name from information_schema.tables where table_schema = 'read' and table_name like 'meters%'
      order by length(table_name), table_name`;
    for (const { name } of tables) await sql`truncate read.${sql(name)}`;
    await sql`delete from read.checkpoints`;
    await sql`checkpoint`;
    const rate = await perSecond(events, async () => {
      await engine.start();
      await Promise.all(domain.projections.map(({ name }) => engine.projector.positions.reached(name, events)));
    });
    for (const { name } of tables.slice(0, readModels)) await assertRows(sql, `read.${name}`, streams);
    return rate;
  } finally {
    await engine.close();
    await sql.end();
  }
}

/**
 * The time that Postgres needs for the same rows if one statement may create them all and nobody has to continue from
 * there.
 */
async function insertSelect(url: string, streams: number): Promise<number> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await sql`drop table if exists meters`;
    await sql`create table meters (like read.meters_v1 including all)`;
    await sql`checkpoint`;
    const rate = await perSecond(
      streams * EVENTS_PER_STREAM,
      () => sql`
        insert into meters (id, label, readings, total, version, last_position)
        select stream_id, max(data ->> 'label'), count(*) filter (where type = 'MeterRead'),
               coalesce(sum((data ->> 'value')::int), 0), max(version), max(position)
        from es.events group by stream_id`,
    );
    await assertRows(sql, 'meters', streams);
    return rate;
  } finally {
    await sql.end();
  }
}

async function assertRows(sql: postgres.Sql, table: string, streams: number): Promise<void> {
  const [row] = await sql<{ rows: number; readings: number }[]>`
    select count(*)::int as rows, coalesce(sum(readings), 0)::int as readings from ${sql(table)}`;
  if (row?.rows !== streams || row.readings !== streams * (EVENTS_PER_STREAM - 1)) {
    throw new Error(`The rows of ${table} are wrong: ${JSON.stringify(row)}`);
  }
}

async function replayEmmettOnce(url: string): Promise<number> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  const events = EMMETT_STREAMS * EVENTS_PER_STREAM;
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
