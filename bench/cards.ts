import { articlesDomain } from '../src/domains/articles/index.ts';
import { fillArticleTables } from './peers/article-tables.ts';
import type { Benchmark } from './support/measuring/benchmark.ts';
import { atLeast, type Measurement, type Ratio, ratio } from './support/measuring/result.ts';
import { callsPerSecond, inTurn } from './support/measuring/rounds.ts';
import { median } from './support/measuring/statistics.ts';
import { openEngine, prepareDatabase } from './support/running/engine.ts';
import { type ArticleCounts, tagOf, writeArticles } from './support/workloads/articles-log.ts';
import { measureRenamings } from './support/workloads/author-renamings.ts';
import {
  assertSameCards,
  type CardPage,
  cardPages,
  openClient,
  type Query,
  run,
} from './support/workloads/card-pages.ts';

const COUNTS: ArticleCounts = { authors: 2000, articles: 50_000, tags: 200, comments: 2_000_000 };
const QUICK: ArticleCounts = { authors: 20, articles: 500, tags: 20, comments: 20_000 };
const CALLERS = [1, 32];
/** As many as a server has for reading by default: of more callers the others wait. */
const CONNECTIONS = 10;
const PROMISED = 100;

/** The read model of article cards beside joins of normalised tables that show the same. */
export const benchmark: Benchmark = {
  name: 'cards',
  run: async ({ postgres, rounds, quick, say }) => {
    const counts = quick ? QUICK : COUNTS;
    const sliceMs = quick ? 300 : 2000;
    const url = await prepareDatabase(postgres, 'cards');
    const sql = openClient(url, CONNECTIONS);
    const measurements: Measurement[] = [];
    const ratios: Ratio[] = [];
    const promised: { readonly where: string; readonly ratio: Ratio }[] = [];
    try {
      await fill(url, counts, say);
      say('  filling the normalised tables');
      await fillArticleTables(sql);
      // Which Postgres does by itself, in time.
      await sql`vacuum (analyze)`;
      for (const page of await cardPages(url, tagOf(counts.tags / 4))) {
        await assertSameCards(sql, page);
        const began = performance.now();
        await run(sql, page.usual);
        const usualMs = performance.now() - began;
        for (const callers of CALLERS) {
          const at = callers === 1 ? '1 caller' : `${callers} callers`;
          const [readModel, usual, tuned] = await inTurn(contenders(page, callers, at, usualMs), rounds, say);
          measurements.push(readModel, usual, tuned);
          const of = (other: Measurement) => ({ ...ratio(readModel, other), of: `${page.name}, ${at}: Afterwrite` });
          ratios.push(of(usual), of(tuned));
          if (page.isPromised) promised.push({ where: `${page.name}, ${at}`, ratio: of(usual) });
        }
      }
      measurements.push(...(await measureRenamings(url, sql, rounds, say)));
    } finally {
      await sql.end();
    }
    const many = (count: number) => count.toLocaleString('en');
    return {
      benchmark: 'cards',
      setting:
        `Cards: ${many(counts.articles)} articles of ${many(counts.authors)} authors with ${many(counts.comments)} ` +
        'comments, written to the log an event a command and projected; the normalised tables are filled from the same ' +
        `log, indexed and vacuumed. Prepared statements over ${CONNECTIONS} connections, slices of ${sliceMs / 1000} s ` +
        'in turn, or a query a connection where that takes longer. The read model is asked what the API sends. The usual ' +
        'join joins articles, authors, tags and comments and counts what it has grouped; the tuned one chooses the page ' +
        'first. A new name is an event and all of its author’s cards there, one row in the normalised tables.',
      measurements,
      ratios,
      goals: promised.map(({ where, ratio }) =>
        atLeast(PROMISED, `times the usual join (${where})`, median(ratio.rounds)),
      ),
    };

    function contenders(page: CardPage, callers: number, at: string, usualMs: number) {
      const on = { chart: page.name, at, unit: 'queries/s' } as const;
      const rate = (query: Query, atWork: number) => () => callsPerSecond(atWork, sliceMs, () => run(sql, query));
      // If one contender takes this long, a caller that still waits for a connection when the time is over does not
      // begin.
      const ofUsual = usualMs > sliceMs / 20 ? Math.min(callers, CONNECTIONS) : callers;
      return [
        { ...on, who: 'Afterwrite', run: rate(page.readModel, callers) },
        { ...on, who: 'The usual join', run: rate(page.usual, ofUsual) },
        { ...on, who: 'The join tuned by hand', run: rate(page.tuned, callers) },
      ] as const;
    }
  },
};

/** Writes the log and lets the product's projection make the cards of it. */
async function fill(url: string, counts: ArticleCounts, say: (line: string) => void): Promise<void> {
  const engine = await openEngine(url, [articlesDomain]);
  try {
    say(`  writing a log of ${counts.comments.toLocaleString('en')} comments and more`);
    await writeArticles(engine.log, counts);
    say('  projecting it');
    const { position } = await engine.log.head();
    await engine.start();
    await engine.projector.positions.reached('articleCards', position);
  } finally {
    await engine.close();
  }
}
