import { buildSchema, type GraphQLSchema, isObjectType, parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { AnswerBudget } from '../../../src/graphql/answer/budget.ts';
import { execute } from '../../../src/graphql/execution/execute.ts';

/** A schema whose fields count how often they are resolved. */
function countingSchema(resolvers: Record<string, () => unknown>) {
  const schema = buildSchema(`
    type Item { text: String! number: Int fails: Int async: String items: [Item!]! }
    type Query { item: Item! items: [Item!]! texts: [String!]! }
  `);
  const counts: Record<string, number> = {};
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    for (const field of Object.values(type.getFields())) {
      field.resolve = () => {
        counts[field.name] = (counts[field.name] ?? 0) + 1;
        return resolvers[field.name]?.();
      };
    }
  }
  return { schema, counts };
}

const run = async (schema: GraphQLSchema, query: string, limits = { answerBytes: 10_000, readBytes: 10_000 }) => {
  const budget = new AnswerBudget(limits);
  return { result: await execute({ schema, document: parse(query), contextValue: { budget } }), budget };
};
const list = (length: number) => () => Array.from({ length }, () => ({}));

describe('an answer', () => {
  it('ends when it has reached its bytes, before what is left is resolved', async () => {
    const { schema, counts } = countingSchema({ items: list(1000), text: () => '\u0001'.repeat(100) });
    const { result, budget } = await run(schema, '{ items { text } }');
    // 16 for each of the elements are too many already.
    expect(counts).toEqual({ items: 1 });
    expect(budget.exhausted?.message).toBe(
      'The answer would take more than 10000 bytes, counting at least 128 for each value: it has them at items. Ask for smaller pages, for fewer fields, or for less at a time.',
    );
    expect(result.errors?.[0]).toBe(budget.exhausted);
  });

  it('is charged for control characters as JSON writes them', async () => {
    const { schema, counts } = countingSchema({ items: list(100), text: () => '\u0001'.repeat(100) });
    const { budget } = await run(schema, '{ items { text } }');
    expect(budget.exhausted?.message).toMatch(/has them at items\.text\./);
    // Each takes 128 + 4 + 602.
    expect(counts.text).toBe(Math.ceil((10_000 - 128 - 5 - 1600) / 734));
  });

  it('is charged for the names that its client gives to fields', async () => {
    const { schema } = countingSchema({ items: list(20), number: () => 1 });
    expect((await run(schema, '{ items { number } }')).budget.exhausted).toBeUndefined();
    expect((await run(schema, `{ items { ${'x'.repeat(1000)}: number } }`)).budget.exhausted).toBeDefined();
  });

  it('is charged for lists of texts, and for what comes later', async () => {
    const texts = countingSchema({ texts: () => Array(10).fill('x'.repeat(2000)) });
    expect((await run(texts.schema, '{ texts }')).budget.exhausted).toBeDefined();
    const later = countingSchema({ item: () => ({}), async: async () => 'x'.repeat(20_000) });
    expect((await run(later.schema, '{ item { async } }')).budget.exhausted).toBeDefined();
  });

  it('of a hundred fields that fail tells each; beyond them it ends', async () => {
    const failing = (length: number) => {
      const fails = () => {
        throw new Error('No.');
      };
      return countingSchema({ items: list(length), fails });
    };
    const limits = { answerBytes: 1_000_000, readBytes: 1 };
    const hundred = await run(failing(100).schema, '{ items { fails } }', limits);
    expect(hundred.result.errors).toHaveLength(100);
    expect(hundred.budget.exhausted).toBeUndefined();
    const { schema, counts } = failing(500);
    const more = await run(schema, '{ items { fails } }', limits);
    expect(more.budget.exhausted?.message).toBe('More than 100 fields of the operation failed. One of them: No.');
    expect(counts.fails).toBe(101);
  });
});

describe('an error', () => {
  it('is charged with its path, which has the names of its client', async () => {
    const fails = () => {
      throw new Error('No.');
    };
    const { schema } = countingSchema({ items: list(50), fails });
    const limits = { answerBytes: 60_000, readBytes: 1 };
    const short = await run(schema, '{ items { fails } }', limits);
    expect(short.budget.exhausted).toBeUndefined();
    const long = await run(schema, `{ ${'x'.repeat(1000)}: items { fails } }`, limits);
    expect(long.budget.exhausted?.message).toMatch(/^The answer would take more than 60000 bytes/);
  });
});

describe('a long list', () => {
  const limits = { answerBytes: 100_000_000, readBytes: 1 };

  it('is resolved in several turns of the event loop, in order', async () => {
    let nth = 0;
    const { schema } = countingSchema({ items: list(20_000), number: () => nth++ });
    let turns = 0;
    let over = false;
    const watch = () => {
      turns++;
      if (!over) setImmediate(watch);
    };
    setImmediate(watch);
    const { result } = await run(schema, '{ items { number } }', limits);
    over = true;
    // 40,000 fields, 2,000 a turn.
    expect(turns).toBeGreaterThanOrEqual(15);
    const items = result.data?.items as { number: number }[];
    expect(items.map(({ number }) => number)).toEqual(Array.from({ length: 20_000 }, (_, index) => index));
  });

  it('within another is resolved in turns as well', async () => {
    const { schema, counts } = countingSchema({ items: list(150), number: () => 1 });
    let atFirstTurn = 0;
    setImmediate(() => (atFirstTurn = counts.number ?? 0));
    await run(schema, '{ items { items { number } } }', limits);
    expect(counts.number).toBe(150 * 150);
    expect(atFirstTurn).toBeLessThan(10_000);
  });

  it('that is short is resolved at once', async () => {
    const { schema, counts } = countingSchema({ items: list(100), number: () => 1 });
    const answer = run(schema, '{ items { number } }', limits);
    expect(counts.number).toBe(100);
    await answer;
  });
});
