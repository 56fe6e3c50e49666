import { buildSchema, type DocumentNode, getIntrospectionQuery, getOperationAST, parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { OperationMeter } from '../../../src/graphql/limits/operation-meter.ts';

const schema = buildSchema(`
  input Filter { words: [String!] inner: Filter }
  interface Part { name: String }
  type Line implements Part { name: String tags: [String!]! }
  type Order { id: ID! lines: [Line!]! friends(first: Int, last: Int): Page! next: Order }
  type Page { nodes: [Order!]! total: Int }
  type Query { order(id: ID): Order orders(first: Int, last: Int, filter: Filter): Page! byId(ids: [ID!]): [Order]! part: Part }
`);
const line = schema.getType('Line');
const order = schema.getType('Order');
if (line) line.extensions = { bytes: 3500 };
const page = schema.getType('Page');
if (page && 'getFields' in page) {
  const { total } = page.getFields();
  if (total) total.extensions = { points: 30 };
}
if (order && 'getFields' in order) {
  const { lines } = order.getFields();
  if (lines) lines.extensions = { listSize: 4 };
}

const GENEROUS = { depth: 100, aliases: 100, selections: 10_000, cost: 1_000_000 };

const refusalOf = (query: string, limits: Partial<typeof GENEROUS> = {}) =>
  new OperationMeter(schema, { ...GENEROUS, ...limits }).refuse(parse(query), () => {})?.message;
const sizesIn = (variables: Record<string, number>) => ({
  page: (name: string) => variables[name],
  elements: (name: string) => variables[name] ?? 0,
});
const costOf = (query: string, variables: Record<string, number> = {}) => {
  const document: DocumentNode = parse(query);
  const operation = getOperationAST(document);
  if (!operation) throw new Error('There is no operation.');
  return new OperationMeter(schema, GENEROUS).costOf(document, operation, sizesIn(variables));
};

describe('the cost of an operation', () => {
  it.each([
    ['{ order { id } }', 3],
    ['{ order { id next { id } } }', 6],
    // A list that says nothing of its size has ten elements.
    ['{ byId { id } }', 30],
    // An argument that says how many nodes to return counts as given.
    ['{ byId(ids: ["a", "b"]) { id } }', 2 + 2 * 3],
    // Four lines, each of three points for its bytes.
    ['{ order { lines { name } } }', 2 + 4 * (2 + 3 + 1)],
    ['{ order { lines { tags } } }', 2 + 4 * (2 + 3 + 10)],
    // A field that is much work costs the points that it declares. The lists of a page have its size; the rest of it is there once.
    ['{ orders(first: 7) { total nodes { id } } }', 2 + 31 + 7 * 3],
    ['{ orders(last: 7) { total nodes { id } } }', 2 + 31 + 7 * 3],
    ['{ orders { nodes { id } } }', 2 + 20 * 3],
    ['{ orders(first: 3) { nodes { friends(first: 5) { nodes { id } } } } }', 2 + 3 * (2 + 2 + 5 * 3)],
    ['{ orders(first: 0, filter: { words: ["a", "b"], inner: { words: ["c"] } }) { total } }', 3 + 2 + 31],
    // A row of a type that a fragment picks from an interface has the size of that type.
    ['{ part { name ... on Line { name } ...L } } fragment L on Line { tags }', 2 + 1 + (3 + 1) + (3 + 10)],
    ['{ ...F ...F } fragment F on Query { order { id } }', 6],
  ])('of %s is %i', (query, cost) => {
    expect(costOf(query)).toBe(cost);
  });

  it('counts what variables give, each time that they are used', () => {
    const query =
      'query ($n: Int, $f: Filter) { a: orders(first: $n, filter: $f) { total } b: orders(filter: $f) { total } }';
    expect(costOf(query, { n: 50, f: 100 })).toBe(100 + 33 + 100 + 33);
    expect(costOf('query ($n: Int) { orders(first: $n) { nodes { id } } }', { n: 50 })).toBe(2 + 50 * 3);
  });

  it('is left for later if it depends on variables that may be sizes or lists', () => {
    const found: (readonly string[])[] = [];
    const meter = new OperationMeter(schema, { ...GENEROUS, cost: 1 });
    const ask = (query: string) =>
      meter.refuse(parse(query), (_, { variables }) => void found.push([...variables]))?.message;
    expect(ask('query ($n: Int) { orders(first: $n) { total } }')).toBeUndefined();
    expect(ask('query ($f: Filter) { orders(filter: $f) { total } }')).toBeUndefined();
    expect(ask('query ($id: ID) { order(id: $id) { id } }')).toMatch(/^Query Cost limit of 1 exceeded, found 3\./);
    expect(found).toEqual([['n'], ['f'], []]);
  });

  it.each([
    // The innermost selection that makes up at least half of it.
    [
      '{ order { id } orders(first: 50) { total nodes { id lines { tags } } } }',
      'orders.nodes.lines.tags',
      50 * 4 * 10,
    ],
    [
      '{ orders(first: 50) { nodes { id next { id } friends(first: 1) { total } } } }',
      'orders.nodes.friends.total',
      50 * 31,
    ],
    ['{ a: order { id } b: order { id next { id } } c: order { id } }', 'b', 6],
    [
      'query { ...F } fragment F on Query { many: orders { ...P } } fragment P on Page { nodes { id } }',
      'many.nodes',
      20 * 3,
    ],
  ])('of %s is mostly that of %s, as its refusal says', (query, path, cost) => {
    const refused = new OperationMeter(schema, { ...GENEROUS, cost: 1 }).refuse(parse(query), () => {});
    expect(refused?.message).toContain(`. Leave out ${path}, which costs ${cost} of it, or ask for smaller pages.`);
    expect(refused?.extensions.heaviest).toEqual({ path, cost });
  });

  it('of introspection is what it answers on average, so that nested lists of types are refused', () => {
    expect(refusalOf(getIntrospectionQuery(), { depth: 3, cost: 10_000 })).toBeUndefined();
    const nested = (inner: string) => `fields { type { ${inner} } }`;
    const query = `{ __schema { types { ${nested(nested(nested(nested('name'))))} } } }`;
    expect(refusalOf(query, { cost: 10_000 })).toMatch(/^Query Cost limit of 10000 exceeded/);
  });
});

describe('a document', () => {
  it('may not have a fragment within itself, used or not', () => {
    const cycle = 'fragment A on Order { next { ...B } } fragment B on Order { next { ...A } }';
    expect(refusalOf(`{ order { ...A } } ${cycle}`)).toBe('Cannot spread fragment "A" within itself.');
    expect(refusalOf(`{ order { id } } ${cycle}`)).toBe('Cannot spread fragment "A" within itself.');
  });

  it('is not walked further than it may have selections, however its fragments multiply them', () => {
    const doubling = Array.from({ length: 60 }, (_, n) => `fragment F${n} on Query { ...F${n + 1} ...F${n + 1} }`);
    const all = `${doubling.join(' ')} fragment F60 on Query { order { id } }`;
    const message = 'The document has more than 10000 fields and fragments once its fragments are expanded.';
    expect(refusalOf(`{ ...F0 } ${all}`)).toBe(message);
    expect(refusalOf(`{ order { id } } ${all}`)).toBe(message);
  });

  it('has its operations counted together, and its depth and aliases with fragments expanded', () => {
    const operations = (count: number) => Array.from({ length: count }, (_, n) => `query Q${n} { ...F }`).join(' ');
    const fragment = 'fragment F on Query { a: order { b: id } }';
    expect(refusalOf(`${operations(10)} ${fragment}`, { selections: 30 })).toBeUndefined();
    expect(refusalOf(`${operations(11)} ${fragment}`, { selections: 30 })).toMatch(/^The document has more than 30/);
    expect(refusalOf(`{ ...F x: order { ...G } } ${fragment} fragment G on Order { c: id }`, { aliases: 3 })).toBe(
      'Aliases limit of 3 exceeded, found 4.',
    );
    expect(refusalOf('{ ...F } fragment F on Query { order { ... { next { id } } } }', { depth: 2 })).toBe(
      'Query depth limit of 2 exceeded, found 3.',
    );
  });

  it('is measured even if its types and fields do not exist', () => {
    expect(refusalOf('{ nothing { at { all } } ... on Nowhere { x } }', { depth: 2 })).toMatch(/^Query depth limit/);
  });
});
