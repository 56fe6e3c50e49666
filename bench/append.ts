import { randomUUID } from 'node:crypto';
import postgresJs from 'postgres';
import { appendToHotStream, appendToNewStream, openEmmett, openEmmettOnPool } from './peers/emmett.ts';
import { INSERT, openPgbench, TABLE } from './peers/pgbench.ts';
import type { Benchmark } from './support/measuring/benchmark.ts';
import { atLeast, type Measurement, type Ratio, ratio } from './support/measuring/result.ts';
import { callsPerSecond, inTurn } from './support/measuring/rounds.ts';
import { median } from './support/measuring/statistics.ts';
import { prepareDatabase } from './support/running/engine.ts';
import { openEventStore } from './support/running/event-store.ts';

const CALLERS = [1, 8, 32, 256];
const EMMETT = 'Emmett';
const PGBENCH = 'pgbench, one INSERT';
/** What SQL alone permits a caller that is alone. */
const CEILING = 'pgbench, es.append_one';
const DRIVER = 'postgres.js, the same INSERT';
/** Emmett's default pool has 10 connections; a second pool shows whether this is the limit. */
const EMMETT_POOL = 32;
const NEW = 'Appending to new streams';
const HOT = 'Appending to one stream';
/** Turns are short, and many: what else the machine does changes from second to second. */
const SLICE_S = 1;

/** An event store's bare append of one small event, by more and more callers. */
export const benchmark: Benchmark = {
  name: 'append',
  run: async ({ postgres, rounds, seconds, quick, say }) => {
    const url = await prepareDatabase(postgres, 'append');
    const ours = openEventStore(url);
    const driver = await openInserts(await postgres.createDatabase('append_driver'));
    const emmett = await openEmmett(await postgres.createDatabase('append_emmett'));
    const pooled = await openEmmettOnPool(await postgres.createDatabase('append_emmett_pool'), EMMETT_POOL);
    const pgbench = await openPgbench(await postgres.createDatabase('append_pgbench'));
    const measurements: Measurement[] = [];
    const ratios: Ratio[] = [];
    const turns = quick ? 1 : rounds * Math.ceil(seconds / 2);
    const measure = (callers: number, call: () => Promise<unknown>) => callsPerSecond(callers, SLICE_S * 1000, call);
    try {
      for (const callers of CALLERS) {
        const at = callers === 1 ? '1 caller' : `${callers} callers`;
        const unit = 'events/s';
        const inserts = () => pgbench.insertsPerSecond(callers, SLICE_S);
        const toNew = { chart: NEW, at, unit } as const;
        const ourStream = randomUUID();
        const emmettStream = `meter-${randomUUID()}`;
        const toHot = { chart: HOT, at, unit } as const;
        const [a, e, e32, p, hotA, hotE] = await inTurn(
          [
            { ...toNew, who: 'Afterwrite', run: () => measure(callers, ours.appendToNew) },
            { ...toNew, who: EMMETT, run: () => measure(callers, () => appendToNewStream(emmett)) },
            {
              ...{ ...toNew, who: `Emmett, pool of ${EMMETT_POOL}` },
              run: () => measure(callers, () => appendToNewStream(pooled)),
            },
            { ...toNew, who: PGBENCH, run: inserts },
            { ...toHot, who: 'Afterwrite', run: () => measure(callers, () => ours.appendTo(ourStream)) },
            { ...toHot, who: EMMETT, run: () => measure(callers, () => appendToHotStream(emmett, emmettStream)) },
          ],
          turns,
          say,
        );
        measurements.push(a, e, e32, p, hotA, hotE);
        ratios.push(ratio(a, e), ratio(a, e32), ratio(a, p), {
          ...ratio(hotA, hotE),
          of: `one stream, ${at}: ${hotA.who}`,
        });
      }
      // The limits of a caller that is alone: what SQL permits, and what the driver and Node do.
      const alone = { chart: NEW, at: '1 caller', unit: 'events/s' } as const;
      const [sql, driven, p] = await inTurn(
        [
          { ...alone, who: CEILING, run: () => pgbench.appendsPerSecond(url, 1, SLICE_S) },
          { ...alone, who: DRIVER, run: () => measure(1, driver.insert) },
          { ...alone, who: PGBENCH, run: () => pgbench.insertsPerSecond(1, SLICE_S) },
        ],
        turns,
        say,
      );
      measurements.push(sql, driven);
      ratios.push(ratio(sql, p), ratio(driven, p));
    } finally {
      await Promise.all([ours.close(), emmett.close(), pooled.close(), pgbench.close(), driver.close()]);
    }
    const promised = (times: number, of: string, to: string) => {
      const found = ratios.find((each) => each.of === `${of}: Afterwrite` && each.to === to);
      return atLeast(times, `times ${to}, ${of}`, median(found?.rounds ?? []));
    };
    return {
      benchmark: 'append',
      setting:
        `Appending: one small event a call, ${turns} rounds of ${SLICE_S} s in turn. Emmett: appendToStream as its ` +
        'documentation sets it up, with its pool of 10 connections, and with one of 32. pgbench: one prepared INSERT a transaction into a ' +
        'table with a primary key and a unique index on stream and version, a connection a client, 80 for 256 callers. pgbench, ' +
        'es.append_one: the function that Afterwrite calls for one event. postgres.js: the INSERT through the driver.',
      measurements: measurements.sort((a, b) => NEW.localeCompare(b.chart) - NEW.localeCompare(a.chart)),
      ratios,
      goals: [
        promised(1, '1 caller', EMMETT),
        promised(0.3, '1 caller', PGBENCH),
        promised(0.7, '8 callers', PGBENCH),
        promised(5, '32 callers', EMMETT),
        promised(1, '32 callers', PGBENCH),
        promised(1.8, '256 callers', PGBENCH),
      ],
    };
  },
};

/** The INSERT of pgbench, prepared, through the driver that the product uses. */
async function openInserts(url: string) {
  const sql = postgresJs(url, { max: 1, onnotice: () => {} });
  await sql.unsafe(TABLE);
  return {
    insert: () => sql.unsafe(INSERT, [], { prepare: true }).execute(),
    close: () => sql.end(),
  };
}
