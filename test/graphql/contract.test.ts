import { readFileSync } from 'node:fs';
import { buildSchema as fromText, parse, print, printSchema, visit } from 'graphql';
import { describe, expect, it } from 'vitest';
import { domains } from '../../src/domains/index.ts';
import { buildSchema } from '../../src/graphql/schema.ts';
import { registerDomains } from '../../src/kernel/define/domain.ts';
import { differences, partOfContract } from '../support/client/contract.ts';

const file = new URL('../../schema/contract.graphql', import.meta.url);

/** What is served by now. */
const CAPABILITIES = ['base', 'history', 'accounts', 'notes', 'articles'];

const served = buildSchema(domains, registerDomains(domains));
const contract = () => partOfContract(readFileSync(file, 'utf8'), CAPABILITIES);
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

  it('is compared with the whole of what is served by now, and with nothing else', () => {
    const types = Object.keys(contract().getTypeMap());
    expect(types).toEqual(
      expect.arrayContaining([
        'Order',
        'CommandReceipt',
        'ProjectionStatus',
        'CaughtUp',
        'MoneyInput',
        'TransferState',
        'AuditEntry',
      ]),
    );
    const others = ['Fulfilment'];
    expect(types.filter((name) => others.includes(name))).toEqual([]);
    const mutations = Object.keys(contract().getMutationType()?.getFields() ?? {});
    expect(mutations).toHaveLength(29);
    expect(contract().getQueryType()?.getFields()).not.toHaveProperty('fulfilment');
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
    ['a type that is missing', /\bCaughtUp\b/g, 'CaughtDown', 'CaughtUp is missing'],
  ])('would be caught with %s', (_, from, to, difference) => {
    expect(differences(contract(), changed(from, to))).toContain(difference);
  });
});
