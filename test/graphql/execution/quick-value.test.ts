import { buildSchema, type GraphQLScalarType, type GraphQLSchema, isObjectType, parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { AnswerBudget } from '../../../src/graphql/answer/budget.ts';
import { execute } from '../../../src/graphql/execution/execute.ts';

/** A schema of one list of rows, whose fields show properties or, for comparison, are resolved. */
function schemaOf(way: 'exposed' | 'resolved'): GraphQLSchema {
  const schema = buildSchema(`
    scalar Instant
    type Row { text: String! maybe: String number: Int! at: Instant! }
    type Query { rows: [Row!]! }
  `);
  const instant = schema.getType('Instant') as GraphQLScalarType;
  instant.serialize = (value) => (value as Date).toISOString();
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name !== 'Row') continue;
    for (const field of Object.values(type.getFields())) {
      if (way === 'exposed') field.extensions = { pothosExposedField: field.name };
      else field.resolve = (source) => source[field.name];
    }
  }
  return schema;
}

const rowsOf = (length: number) =>
  Array.from({ length }, (_, nth) => ({
    text: nth % 3 === 0 ? `"Ünusual"\n${nth}` : `row ${nth}`,
    maybe: nth % 2 === 0 ? null : 'there',
    number: nth,
    at: new Date(nth),
  }));

const schemas = { exposed: schemaOf('exposed'), resolved: schemaOf('resolved') };

async function answerOf(way: 'exposed' | 'resolved', rows: readonly object[], answerBytes: number) {
  const budget = new AnswerBudget({ answerBytes, readBytes: 1e9 });
  const document = parse('{ rows { __typename text maybe number at again: text } }');
  const answer = await execute({ schema: schemas[way], document, rootValue: { rows }, contextValue: { budget } });
  return { answer, bytes: budget.answerBytes, exhausted: budget.exhausted?.message };
}

describe('a field that shows a property', () => {
  it('is answered and charged as one with a resolver', async () => {
    const resolved = await answerOf('resolved', rowsOf(50), 1e9);
    expect(resolved.bytes).toBeGreaterThan(50 * 5 * 128);
    expect(await answerOf('exposed', rowsOf(50), 1e9)).toEqual(resolved);
  });

  it('ends an answer at the same place, whatever its limit', async () => {
    for (let answerBytes = 900; answerBytes < 3000; answerBytes += 7) {
      const { answer, exhausted } = await answerOf('resolved', rowsOf(5), answerBytes);
      const shown = await answerOf('exposed', rowsOf(5), answerBytes);
      expect({ limit: answerBytes, ...shown.answer, exhausted: shown.exhausted }).toEqual({
        limit: answerBytes,
        ...answer,
        exhausted,
      });
    }
  });

  it('takes what a large answer needs from the shares of its caller', async () => {
    const taken: number[] = [];
    const shares = { take: (_: string, bytes: number) => void taken.push(bytes), give: () => {}, add: () => {} };
    const budget = new AnswerBudget({ answerBytes: 1e9, readBytes: 1e9 }, shares as never, 'caller');
    const document = parse('{ rows { text } }');
    const rows = rowsOf(10_000);
    await execute({ schema: schemas.exposed, document, rootValue: { rows }, contextValue: { budget } });
    expect(taken.reduce((sum, bytes) => sum + bytes, 256 * 1024)).toBeGreaterThanOrEqual(budget.answerBytes);
    expect(budget.answerBytes).toBeGreaterThan(10_000 * 128);
  });
});
