import { isDeepStrictEqual } from 'node:util';
import { sql as template } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import postgres, { type ParameterOrJSON, type Sql } from 'postgres';
import type { Database } from '../../../src/database/client.ts';
import { articleCards } from '../../../src/domains/articles/index.ts';
import { readPage } from '../../../src/graphql/read/pages/page.ts';
import { CONDITIONS, tunedJoin, usualJoin } from '../../peers/article-tables.ts';

export const PAGE = 20;

/** One statement, prepared, with its values. */
export interface Query {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** A page of cards, as each of the contenders asks for it. */
export interface CardPage {
  readonly name: string;
  readonly readModel: Query;
  readonly usual: Query;
  readonly tuned: Query;
  /** It is what the project's promise is about. */
  readonly isPromised: boolean;
}

/** A client for statements as they stand: JSON comes as text and stays so, as the product's own client has it. */
export function openClient(url: string, connections: number) {
  const json = { to: 3802, from: [114, 3802], serialize: String, parse: (text: string): unknown => JSON.parse(text) };
  return postgres(url, { max: connections, types: { json }, onnotice: () => {} });
}

export async function run(sql: Sql<{ json: unknown }>, { text, values }: Query) {
  return sql.unsafe(text, values as ParameterOrJSON<unknown>[], { prepare: true });
}

/**
 * Pages of cards, newest first: the first, one in the middle of the list, and the first of those with a tag. What the read
 * model is asked is what the API sends, word for word.
 */
export async function cardPages(url: string, tag: string): Promise<CardPage[]> {
  const sent: Query[] = [];
  const client = postgres(url, { max: 1 });
  const logQuery = (text: string, values: unknown[]) => sent.push({ text, values });
  const db = drizzle({ client, logger: { logQuery } }) as Database;
  const { publishedAt, tags } = articleCards.table;
  const request = { sortBy: publishedAt, direction: 'desc' } as const;
  try {
    const half = template`${publishedAt} <= (select percentile_disc(0.5) within group (order by published_at) from read.article_cards_v1)`;
    const { pageInfo, edges } = await readPage<typeof articleCards.table.$inferSelect>(db, articleCards, {
      ...request,
      args: { first: 1 },
      where: [half],
    });
    const middle = edges[0]?.node;
    sent.length = 0;
    await readPage(db, articleCards, { ...request, args: { first: PAGE } });
    await readPage(db, articleCards, { ...request, args: { first: PAGE, after: pageInfo.endCursor } });
    const hasTag = template`${tags} @> ${JSON.stringify([tag])}::jsonb`;
    await readPage(db, articleCards, { ...request, args: { first: PAGE }, where: [hasTag] });
    const of = (name: string, condition: string, values: readonly unknown[], isPromised = false): CardPage => {
      const all = [PAGE + 1, ...values];
      const readModel = sent.shift();
      if (!readModel) throw new Error('The API has sent no statement.');
      return {
        name,
        readModel,
        usual: { text: usualJoin(condition), values: all },
        tuned: { text: tunedJoin(condition), values: all },
        isPromised,
      };
    };
    return [
      of('A page of 20 cards, newest first', CONDITIONS.newest, [], true),
      of(
        'A page of 20 cards in the middle of the list',
        CONDITIONS.after,
        [middle?.publishedAt, middle?.articleId],
        true,
      ),
      of('A page of 20 cards with a tag', CONDITIONS.tag, [tag]),
    ];
  } finally {
    await client.end();
  }
}

/** @throws if not all contenders return the same cards. */
export async function assertSameCards(sql: Sql<{ json: unknown }>, page: CardPage): Promise<void> {
  const [readModel, usual, tuned] = await Promise.all(
    [page.readModel, page.usual, page.tuned].map(async (query) => (await run(sql, query)).map(cardOf)),
  );
  if (readModel?.length !== PAGE + 1) throw new Error(`${page.name}: there are only ${readModel?.length} cards.`);
  for (const other of [usual, tuned]) {
    if (isDeepStrictEqual(other, readModel)) continue;
    throw new Error(`${page.name}: not the same cards: ${JSON.stringify(readModel)}\n${JSON.stringify(other)}`);
  }
}

/** The content of a card, with tags in alphabetical order, the only order that the usual join has. */
function cardOf(row: Readonly<Record<string, unknown>>) {
  const { article_id: id = row.id, title, excerpt, author_name, author_avatar_url, comment_count, published_at } = row;
  return {
    id,
    title,
    excerpt,
    author_name,
    author_avatar_url,
    comment_count,
    published_at,
    tags: [...(row.tags as string[])].sort(),
  };
}
