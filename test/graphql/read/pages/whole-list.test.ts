import { index, integer, text } from 'drizzle-orm/pg-core';
import { beforeEach, describe, expect, it } from 'vitest';
import type { PageArguments } from '../../../../src/graphql/read/pages/page-shape.ts';
import { ReadModels } from '../../../../src/graphql/read/read-models.ts';
import { Rows } from '../../../../src/graphql/read/rows.ts';
import { defineProjection } from '../../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../../src/kernel/define/read-model/read-table.ts';
import { Counter, counterDomain, system } from '../../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../../support/kernel/engine.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { testRandom } from '../../../support/random.ts';

/** Rows of the list. Several have equal ranks. */
const LENGTH = 300;

const table = readTable(
  'places',
  { name: text('name').primaryKey(), rank: integer('rank').notNull(), other: integer('other').notNull() },
  ({ rank, name }) => [index('places_rank').on(rank, name)],
);
/** A read model with an index for its order by `rank`, and none for `other`. */
const places = defineProjection('places', {
  table,
  events: Counter.events,
  visibleTo: 'everyone',
  on: { CounterOpened: (_, { remove }) => remove('nobody') },
});

const database = useDatabase({ per: 'test' });
const openEngine = useEngine(database, [{ ...counterDomain, projections: [places] }]);
let engine: TestEngine;
let readModels: ReadModels;

beforeEach(async () => {
  engine = await openEngine({ start: true });
  readModels = new ReadModels(engine.database.reader.db);
  // A name may have whatever an array literal gives a meaning.
  await database.sql`
    insert into read.places_v1 (name, rank, other, last_position)
    select format('%s "{,}\\ %s', n, n % 3), n / 4, n % 7, 0 from generate_series(1, ${LENGTH}) n`;
});

type Sort = 'rank' | 'other' | 'name';

/** A page, as an operation of its own reads it. */
const pageOf = (args: PageArguments, sort: Sort = 'rank', caller = 'ada') =>
  new Rows(readModels, system.actor, { caller }).page(places, { args, sortBy: table[sort], direction: 'asc' });

const namesOf = async (...asked: Parameters<typeof pageOf>) =>
  (await pageOf(...asked)).edges.map(({ node }) => node.name);

describe('pages of a list that are asked for at once', () => {
  it('are those that are asked for one by one', async () => {
    const random = testRandom();
    const { edges } = await pageOf({ first: 100 });
    const cursors: string[] = [];
    for (const sort of ['rank', 'name'] as const) {
      for (const { cursor } of sort === 'rank' ? edges : (await pageOf({ first: 100 }, sort)).edges) {
        cursors.push(`${sort} ${cursor}`);
      }
    }
    const asked = Array.from({ length: 200 }, (): [PageArguments, Sort, string] => {
      const [sort = '', cursor] = random.pick(cursors).split(' ');
      const size = random.between(0, 30);
      const place = random.pick([{ after: cursor }, { before: cursor }, {}]);
      const args = random.pick([{ first: size }, { last: size }]);
      return [{ ...args, ...place }, sort as Sort, random.pick(['ada', 'bob'])];
    });
    const together = await Promise.all(asked.map((each) => namesOf(...each)));
    for (const [nth, each] of asked.entries()) {
      expect(together[nth], JSON.stringify(each)).toEqual(await namesOf(...each));
    }
    expect(together.some((names) => names.length > 10)).toBe(true);
  });

  it('are read once if they are equal', async () => {
    const [one, other] = await Promise.all([pageOf({ first: 3 }), pageOf({ first: 3 }, 'rank', 'bob')]);
    expect(other.edges[1]?.node).toBe(one.edges[1]?.node);
    const later = await pageOf({ first: 3 });
    expect(later.edges[1]?.node).not.toBe(one.edges[1]?.node);
    expect(later.edges[1]?.node).toEqual(one.edges[1]?.node);
  });

  it('are read by each operation for itself if Postgres has to sort the list', async () => {
    const [one, other] = await Promise.all([pageOf({ first: 3 }, 'other'), pageOf({ first: 3 }, 'other')]);
    expect(other.edges[1]?.node).not.toBe(one.edges[1]?.node);
    expect(other.edges[1]?.node).toEqual(one.edges[1]?.node);
  });

  it('do not fail because of one with a forged cursor', async () => {
    const [first] = (await pageOf({ first: 1 })).edges;
    const forged = Buffer.from(JSON.stringify(['rank asc', 'high', 'x'])).toString('base64url');
    const asked = [{ first: 2, after: first?.cursor ?? '' }, { first: 2, after: forged }, { first: 2 }, { last: 2 }];
    const answers = await Promise.allSettled(asked.map((args) => namesOf(args)));
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect(answers[1]).toMatchObject({ reason: { message: 'This cursor is not one of this list.' } });
  });

  it('do not fail because of many with forged cursors', async () => {
    const forged = (nth: number) => Buffer.from(JSON.stringify(['rank asc', 'high', `${nth}`])).toString('base64url');
    const [first] = (await pageOf({ first: 1 })).edges;
    const bad = Array.from({ length: 49 }, (_, nth) => pageOf({ first: 2, after: forged(nth) }, 'rank', `eve ${nth}`));
    const answers = Promise.allSettled(bad);
    expect(await namesOf({ first: 2, after: first?.cursor ?? '' })).toHaveLength(2);
    expect((await answers).every(({ status }) => status === 'rejected')).toBe(true);
  });

  it('are read together although many other lists were asked for before', async () => {
    const sizes = Array.from({ length: 100 }, (_, nth) => nth + 1);
    for (const size of sizes) {
      await Promise.all([{ first: size }, { last: size }].map((args) => pageOf(args, 'name')));
    }
    const [one, other] = await Promise.all([pageOf({ first: 3 }), pageOf({ first: 3 }, 'rank', 'bob')]);
    expect(other.edges[1]?.node).toBe(one.edges[1]?.node);
  });
});
