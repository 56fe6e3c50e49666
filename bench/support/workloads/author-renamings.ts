import type { Sql } from 'postgres';
import { articlesDomain, renameAuthor } from '../../../src/domains/articles/index.ts';
import { SYSTEM } from '../../../src/kernel/define/access/actor.ts';
import type { Measurement } from '../measuring/result.ts';
import { inTurn } from '../measuring/rounds.ts';
import { median } from '../measuring/statistics.ts';
import { type BenchEngine, openEngine } from '../running/engine.ts';

const CHART = 'An author’s new name, until all of their cards show it';
const NORMALISED = 'Normalised: one row';
/** Renamings of a turn. */
const TIMES = 20;

interface AuthorOfCards {
  readonly id: string;
  readonly cards: number;
}

/**
 * The price of the read model: a name that is one row in normalised tables is on every card of its author. Measured for
 * an author with an average number of articles, and for the one with the most.
 *
 * @throws if a card shows another name in the end.
 */
export async function measureRenamings(
  url: string,
  sql: Sql<{ json: unknown }>,
  rounds: number,
  say: (line: string) => void,
): Promise<Measurement[]> {
  const engine = await openEngine(url, [articlesDomain]);
  try {
    await engine.start();
    const authors = await sql<AuthorOfCards[]>`
      select author_id as id, count(*)::int as cards from read.article_cards_v1 group by 1 order by 2, 1`;
    const [usual, most] = [authors[Math.floor(authors.length / 2)], authors.at(-1)];
    if (!usual || !most) throw new Error('There are no authors.');
    const measurements: Measurement[] = [];
    for (const { id, cards } of [usual, most]) {
      let times = 0;
      const on = { chart: CHART, at: `${cards.toLocaleString('en')} articles`, unit: 'ms' } as const;
      const ours = () => msEach(() => rename(engine, id, `Renamed ${++times}`));
      const theirs = () =>
        msEach(() => sql`update blog.authors set display_name = ${`Renamed ${++times}`} where id = ${id}`);
      const found = await inTurn(
        [
          { ...on, who: 'Afterwrite', run: ours },
          { ...on, who: NORMALISED, run: theirs },
        ],
        rounds,
        say,
      );
      measurements.push(...found);
      await rename(engine, id, 'Renamed at last');
      const [shown] = await sql<{ cards: number }[]>`
        select count(*)::int as cards from read.article_cards_v1 where author_id = ${id} and author_name = 'Renamed at last'`;
      if (shown?.cards !== cards) throw new Error(`Only ${shown?.cards} of ${cards} cards show the new name.`);
    }
    return measurements;
  } finally {
    await engine.close();
  }
}

/** Resolves when all cards show the new name. */
async function rename(engine: BenchEngine, authorId: string, displayName: string): Promise<void> {
  const outcome = await engine.bus.execute(renameAuthor, { authorId, displayName }, { actor: SYSTEM });
  if (outcome.kind !== 'accepted') throw new Error(`A command was not accepted: ${JSON.stringify(outcome)}`);
  await engine.projector.positions.reached('articleCards', outcome.receipt.position);
}

async function msEach(work: () => PromiseLike<unknown>): Promise<number> {
  const found: number[] = [];
  for (let nth = 0; nth < TIMES; nth++) {
    const began = performance.now();
    await work();
    found.push(performance.now() - began);
  }
  return median(found);
}
