import { buildSchema, getOperationAST, parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { OperationCosts } from '../../../src/graphql/limits/operation-costs.ts';
import { OperationMeter } from '../../../src/graphql/limits/operation-meter.ts';

const schema = buildSchema(`
  type Page { nodes: [Int!]! }
  type Query { orders(first: Int): Page! one: Int }
`);

function ask(query: string) {
  const costs = new OperationCosts(new OperationMeter(schema, { depth: 9, aliases: 9, selections: 99, cost: 50 }));
  const document = parse(query);
  const operation = getOperationAST(document);
  if (!operation) throw new Error('There is no operation.');
  const refused = costs.refuse(document)?.message;
  const of = (variables: Record<string, unknown> = {}) => {
    const found = costs.of(document, operation, variables);
    return [found.cost, found.refused?.message];
  };
  return { refused, of };
}

describe('what an operation costs', () => {
  it('is the same each time if no variable is the size of a list', () => {
    const { refused, of } = ask('{ orders(first: 7) { nodes } }');
    expect(refused).toBeUndefined();
    expect([of(), of({ first: 40 })]).toEqual([
      [2 + 7, undefined],
      [2 + 7, undefined],
    ]);
  });

  it('depends on the variables that are sizes of lists, and is refused for those that are too large, also again', () => {
    const { refused, of } = ask('query ($first: Int = 30) { orders(first: $first) { nodes } }');
    expect(refused).toBeUndefined();
    expect(of({ first: 5 })).toEqual([2 + 5, undefined]);
    expect(of()).toEqual([2 + 30, undefined]);
    for (const _ of ['first', 'again']) {
      expect(of({ first: 49 })).toEqual([51, expect.stringMatching(/^Query Cost limit of 50 exceeded, found 51/)]);
    }
  });

  it('is refused before anything is executed if it is too high with any variables', () => {
    expect(ask('{ orders(first: 49) { nodes } }').refused).toMatch(/^Query Cost limit of 50 exceeded, found 51/);
  });
});
