import { describe, expect, it } from 'vitest';
import {
  Article,
  articleCards,
  articlesDomain,
  comment,
  publishArticle,
  registerAuthor,
  renameAuthor,
} from '../../../src/domains/articles/index.ts';
import { beginRebuild } from '../../../src/kernel/read/rebuild/begin-rebuild.ts';
import { receiptOf } from '../../support/kernel/appends.ts';
import { system } from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { expectedRows, rowsOf } from '../../support/kernel/rows.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, [articlesDomain]);

const upTo = (n: number) => Array.from({ length: n }, (_, index) => index + 1);
const register = async ({ bus }: TestEngine, displayName: string) =>
  receiptOf(await bus.execute(registerAuthor, { displayName }, system)).aggregateId;
const publish = ({ bus }: TestEngine, authorId: string, title: string) =>
  bus.execute(publishArticle, { authorId, title, body: 'It weaves.' }, system);

/** Every card has the name that its author has at the end of the log, and the table is what the fold makes of the log. */
async function expectExact({ log, projector, database: pools }: TestEngine): Promise<void> {
  const { position } = await log.head();
  expect(await projector.positions.reached('articleCards', position, { timeoutMs: 30_000 })).toBe(true);
  const events = await log.read(0, 100_000);
  const names = new Map<string, string>();
  for (const { type, streamId, data } of events) {
    if (type === 'AuthorRegistered' || type === 'AuthorRenamed') {
      names.set(streamId, (data as { displayName: string }).displayName);
    }
    // The event contains the author's name at that place in the log.
    if (type !== 'ArticlePublished') continue;
    const { authorId, authorName } = data as { authorId: string; authorName: string };
    expect(authorName).toBe(names.get(authorId));
  }
  const rows = await rowsOf(pools.reader.db, articleCards as never);
  for (const row of rows) expect(row.authorName).toBe(names.get(row.authorId as string));
  expect(rows).toEqual(expectedRows(articleCards as never, events));
}

describe('authors that are renamed while they publish', () => {
  it('are on all of their cards as they are called at last, whoever was faster', async () => {
    const engines = [await openEngine({ start: true, writers: 4 }), await openEngine({ start: true, writers: 4 })];
    const [first, second] = engines as [TestEngine, TestEngine];
    const authors = [await register(first, 'Ada 0'), await register(second, 'Bob 0')];
    const outcomes = await Promise.all([
      ...authors.flatMap((authorId, index) =>
        engines.map(async (engine, at) => {
          for (const n of upTo(25)) {
            const displayName = `${index ? 'Bob' : 'Ada'} ${at}/${n}`;
            receiptOf(await engine.bus.execute(renameAuthor, { authorId, displayName }, system));
          }
          return [];
        }),
      ),
      ...authors.flatMap((authorId) =>
        upTo(4).map(async (lane) => {
          const own = [];
          for (const n of upTo(10)) own.push(await publish(engines[lane % 2] as TestEngine, authorId, `${lane}/${n}`));
          return own;
        }),
      ),
    ]);
    const kinds = new Set(outcomes.flat().map(({ kind }) => kind));
    // An author who is too late every time gets a conflict; nothing else goes wrong.
    expect([...kinds].filter((kind) => kind !== 'accepted' && kind !== 'conflict')).toEqual([]);
    const published = outcomes.flat().filter(({ kind }) => kind === 'accepted').length;
    expect(published).toBeGreaterThan(40);
    const [count] = await database.sql`select count(*)::int as cards from read.article_cards_v1`;
    await expectExact(first);
    await expectExact(second);
    expect(count?.cards).toBeLessThanOrEqual(published);
    expect([...first.faults, ...second.faults]).toEqual([]);
  });

  it('are so in one batch, in any order', async () => {
    const engine = await openEngine({ start: true });
    const authorId = await register(engine, 'Ada');
    const rename = (n: number) => engine.bus.execute(renameAuthor, { authorId, displayName: `Ada ${n}` }, system);
    const outcomes = await Promise.all(
      upTo(30).flatMap((n) =>
        n % 2 ? [rename(n), publish(engine, authorId, `${n}`)] : [publish(engine, authorId, `${n}`), rename(n)],
      ),
    );
    expect(outcomes.every(({ kind }) => kind === 'accepted')).toBe(true);
    await expectExact(engine);
  });

  it('are so after a rebuild that begins while they are renamed', async () => {
    const engine = await openEngine({ start: true });
    const authorId = await register(engine, 'Ada');
    const articles = await Promise.all(
      upTo(20).map(async (n) => receiptOf(await publish(engine, authorId, `${n}`)).aggregateId),
    );
    const oid = async () => (await database.sql`select 'read.article_cards_v1'::regclass::oid::int as oid`)[0]?.oid;
    const before = await oid();
    expect(await beginRebuild(engine.database.owner.db, articleCards as never)).toBe('begun');
    for (const [n, articleId] of articles.entries()) {
      receiptOf(await engine.bus.execute(renameAuthor, { authorId, displayName: `Ada ${n}` }, system));
      receiptOf(await engine.bus.execute(comment, { articleId, body: 'Well woven.' }, system));
    }
    await until(async () => (await oid()) !== before);
    await expectExact(engine);
    const rows = await rowsOf(engine.database.reader.db, articleCards as never);
    expect(new Set(rows.map(({ authorName, commentCount }) => `${authorName}, ${commentCount}`))).toEqual(
      new Set(['Ada 19, 1']),
    );
    expect(engine.faults).toEqual([]);
  });
});

describe('comments that come at once', () => {
  it('are all counted', async () => {
    const engines = [await openEngine({ start: true }), await openEngine({ start: true })];
    const authorId = await register(engines[0] as TestEngine, 'Ada');
    const articleId = receiptOf(await publish(engines[0] as TestEngine, authorId, 'Looms')).aggregateId;
    await Promise.all(
      upTo(40).map((n) => (engines[n % 2] as TestEngine).bus.execute(comment, { articleId, body: 'Same.' }, system)),
    );
    await expectExact(engines[0] as TestEngine);
    const [row] = await rowsOf((engines[0] as TestEngine).database.reader.db, articleCards as never);
    const said = (await (engines[0] as TestEngine).log.read(0, 1000)).filter(
      ({ streamType, type }) => streamType === Article.name && type === 'ArticleCommented',
    );
    expect(row?.commentCount).toBe(said.length);
    expect(said.length).toBeGreaterThan(0);
  });
});
