import { type GraphQLError, parse, validate } from 'graphql';
import { expect, it } from 'vitest';
import shop from '../../../src/app.ts';
import { argumentPath } from '../../../src/graphql/documents/argument-path.ts';
import { schemaOf } from '../../../src/graphql/schema.ts';

const schema = schemaOf(shop);
const ID = '"0190d4a5-0000-7000-8000-000000000000"';

it.each([
  ['{ orderAsOf(id: "x", at: "yesterday") { version } }', 'orderAsOf.at', '"yesterday" is not an instant'],
  ['{ then: orderAsOf(id: "x", version: "1") { version } }', 'then.version', 'Int cannot represent'],
  ['{ orders(filter: { placedFrom: 3 }) { totalCount } }', 'orders.filter.placedFrom', 'Text is expected here.'],
  [
    '{ orders(filter: { status: [PLACED, LOST] }) { totalCount } }',
    'orders.filter.status.1',
    'does not exist in "OrderStatus"',
  ],
  [`{ order(id: ${ID}) { versions(first: 1.5) { totalCount } } }`, 'order.versions.first', 'Int cannot represent'],
  [
    '{ ...F } fragment F on Query { me { id } orders(first: "1") { totalCount } }',
    'Query.orders.first',
    'Int cannot represent',
  ],
  ['query ($at: DateTime = "now") { orderAsOf(id: "x", at: $at) { version } }', '$at', '"now" is not an instant'],
  ['query @readAfter(token: 1) { me { id } }', '@readAfter.token', 'Text is expected here.'],
  [
    `mutation { changeProductPrice(input: { productId: ${ID}, price: { amount: 1e30, currency: "GBP" } }) { __typename } }`,
    'changeProductPrice.input.price.amount',
    'whole number',
  ],
])('%s is refused at %s', (text, path, message) => {
  const document = parse(text);
  const [error, ...others] = validate(schema, document) as [GraphQLError, ...GraphQLError[]];
  expect(others).toEqual([]);
  expect(error.message).toContain(message);
  expect(error.locations, 'the place in the text').toHaveLength(1);
  expect(error.nodes?.[0] && argumentPath(document, error.nodes[0])?.join('.')).toBe(path);
});

it('what is wrong elsewhere in a document has no such path', () => {
  const document = parse('{ me { name } }');
  const [error] = validate(schema, document);
  expect(error?.nodes?.[0] && argumentPath(document, error.nodes[0])).toBeUndefined();
});
