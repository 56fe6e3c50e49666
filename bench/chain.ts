import postgres from 'postgres';
import type { Benchmark } from './support/measuring/benchmark.ts';
import { atLeast, type Measurement, ratio } from './support/measuring/result.ts';
import { callsPerSecond, inTurn } from './support/measuring/rounds.ts';
import { median } from './support/measuring/statistics.ts';
import { prepareDatabase } from './support/running/engine.ts';
import { openEventStore } from './support/running/event-store.ts';

const SLICE_MS = 1000;
const CHAINED = 'Afterwrite';
const UNCHAINED = 'Afterwrite, without the chain';

/** What it costs that each event is chained to the one before it by a hash: appending, and bytes. */
export const benchmark: Benchmark = {
  name: 'chain',
  run: async ({ postgres: server, rounds, seconds, quick, say }) => {
    const urls = [await prepareDatabase(server, 'chain'), await prepareDatabase(server, 'chain_without')] as const;
    await stopChaining(urls[1]);
    const [chained, unchained] = [openEventStore(urls[0]), openEventStore(urls[1])];
    const turns = quick ? 1 : rounds * Math.ceil(seconds / 2);
    try {
      const appendingBy = (callers: number) => {
        const appending = {
          chart: 'Appending with and without the chain',
          at: callers === 1 ? '1 caller' : `${callers} callers`,
          unit: 'events/s',
        } as const;
        return inTurn(
          [
            { ...appending, who: CHAINED, run: () => callsPerSecond(callers, SLICE_MS, chained.appendToNew) },
            { ...appending, who: UNCHAINED, run: () => callsPerSecond(callers, SLICE_MS, unchained.appendToNew) },
          ],
          turns,
          say,
        );
      };
      const [alone, aloneWithout] = await appendingBy(1);
      const [together, togetherWithout] = await appendingBy(32);
      const bytes = async (who: string, url: string): Promise<Measurement> => {
        const each = await bytesOfEvent(url);
        return {
          chart: 'Disk, for an event',
          at: '',
          who,
          unit: 'bytes',
          rounds: Array.from({ length: rounds }, () => each),
        };
      };
      const ratios = [ratio(alone, aloneWithout), ratio(together, togetherWithout)] as const;
      return {
        benchmark: 'chain',
        setting:
          `The bare append of one small event to a new stream, ${turns} rounds of ${SLICE_MS / 1000} s in turn. Without the chain: the ` +
          'same store with what computes the hashes switched off: the trigger, and their column in the statement that inserts a batch. Disk: the log and its indexes.',
        measurements: [
          ...[alone, aloneWithout, together, togetherWithout],
          await bytes(CHAINED, urls[0]),
          await bytes(UNCHAINED, urls[1]),
        ],
        ratios,
        goals: [
          atLeast(0.9, 'times as many appends by 32 callers as without the chain', median(ratios[1].rounds)),
          atLeast(0.9, 'times as many appends by 1 caller as without the chain', median(ratios[0].rounds)),
        ],
      };
    } finally {
      await Promise.all([chained.close(), unchained.close()]);
    }
  },
};

async function stopChaining(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  await sql`alter table es.events disable trigger events_chained`;
  const [{ definition = '' } = {}] = await sql<{ definition: string }[]>`
    select pg_get_functiondef('es.insert_batch'::regproc) as definition`;
  const [before, after, ...more] = definition.split(/es\.chain_hash\(.*?\) OVER \(.*?\)/s);
  if (after === undefined || more.length > 0)
    throw new Error('es.insert_batch does not compute its hashes as expected.');
  // Without hashes there is none to go on from, and it would be looked for each time.
  await sql.unsafe(`${before}NULL${after}`.replace('es.hash_at(head)', 'NULL'));
  await sql.end();
}

async function bytesOfEvent(url: string): Promise<number> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  const [row] = await sql<{ bytes: number }[]>`
    select pg_total_relation_size('es.events')::float8 / count(*) as bytes from es.events`;
  await sql.end();
  return row?.bytes ?? 0;
}
