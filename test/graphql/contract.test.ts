import { readFileSync } from 'node:fs';
import {
  buildSchema as fromText,
  type GraphQLScalarType,
  isScalarType,
  isSpecifiedScalarType,
  parse,
  print,
  printSchema,
  visit,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import { domains } from '../../src/domains/index.ts';
import { buildSchema } from '../../src/graphql/schema.ts';
import { registerDomains } from '../../src/kernel/define/domain.ts';
import { contractOf, differences } from '../support/client/contract.ts';

const file = new URL('../../schema/contract.graphql', import.meta.url);

const served = buildSchema(domains, registerDomains(domains));
const contract = () => contractOf(readFileSync(file, 'utf8'));
const bare = print(
  visit(parse(printSchema(served)), {
    enter: (node) => ('description' in node ? { ...node, description: undefined } : undefined),
  }),
);
/** The served schema, with something changed. */
const changed = (from: string | RegExp, to: string) => {
  const before = bare;
  const after = before.replaceAll(from, to);
  expect(after).not.toBe(before);
  return fromText(after, { assumeValid: true });
};

describe('the served schema', () => {
  it('has everything that the contract names, as the contract has it', () => {
    expect(differences(contract(), served)).toEqual([]);
  });

  it('is compared with everything that the contract says, comments on many types at once included', () => {
    const types = contract().getTypeMap();
    expect(Object.keys(types)).toEqual(
      expect.arrayContaining([
        ...['Order', 'CommandReceipt', 'ProjectionStatus', 'CaughtUp', 'MoneyInput', 'TransferState', 'AuditEntry'],
        ...['Fulfilment', 'Node', 'Actor', 'OrderVersion', 'Article'],
      ]),
    );
    expect(Object.keys(contract().getMutationType()?.getFields() ?? {})).toHaveLength(29);
    const printed = printSchema(contract());
    const connections = Object.keys(types).filter((name) => name.endsWith('Connection'));
    expect(connections).toHaveLength(13);
    expect(printed.match(/ {2}totalCount: SafeInt!/g)).toHaveLength(connections.length);
    expect(printed).toContain('orders(first: Int, after: String, last: Int, before: String): OrderConnection!');
    expect(printed).toContain('nodes: [AccountEntry!]!');
    expect(printed).toContain('name: FulfilmentStepName!');
  });

  it('says of every scalar of its own where it is specified', () => {
    const scalars = Object.values(served.getTypeMap()).filter(
      (type) => isScalarType(type) && !isSpecifiedScalarType(type),
    );
    expect(scalars.map(({ name }) => name).sort()).toEqual(['ConsistencyToken', 'DateTime', 'SafeInt']);
    for (const scalar of scalars as GraphQLScalarType[]) expect(scalar.specifiedByURL, scalar.name).toMatch(/^https:/);
  });

  it.each([
    ['a field that is missing', '  itemCount: Int!\n', '', 'Order.itemCount is missing'],
    ['a field of another type', 'itemCount: Int!', 'itemCount: SafeInt!', 'Order.itemCount is SafeInt!, not Int!'],
    [
      'a field that may be null',
      'placedAt: DateTime!',
      'placedAt: DateTime',
      'Order.placedAt is DateTime, not DateTime!',
    ],
    ['an argument that is missing', 'product(id: ID!)', 'product', 'Query.product.id is missing'],
    [
      'an argument that must be given',
      'orderStatistics(currency: String!',
      'orderStatistics(currency: String!, more: Int!',
      'Query.orderStatistics.more is required beyond the contract',
    ],
    [
      'an input field of another type',
      '  trackingNumber: String!',
      '  trackingNumber: String',
      'ShipOrderInput.trackingNumber is String, not String!',
    ],
    ['an enum value that is missing', '  TOTAL_DESC\n', '', 'OrderSort.TOTAL_DESC is missing'],
    ['a member of the union that is missing', ' | CommandIdReused', '', 'CommandResult lacks CommandIdReused'],
    [
      'an interface that is not implemented',
      'type CommandRejected implements Error',
      'type CommandRejected',
      'CommandRejected does not implement Error',
    ],
    ['a directive that cannot be repeated', 'repeatable on QUERY', 'on QUERY', '@readAfter is not repeatable'],
    [
      'a list without the number of its elements',
      '  totalCount: SafeInt!\n',
      '',
      'EntryConnection.totalCount is missing',
    ],
    ['a node that is none', 'type Order implements Node', 'type Order', 'Order does not implement Node'],
    ['a type that is missing', /\bCaughtUp\b/g, 'CaughtDown', 'CaughtUp is missing'],
  ])('would be caught with %s', (_, from, to, difference) => {
    expect(differences(contract(), changed(from, to))).toContain(difference);
  });
});
