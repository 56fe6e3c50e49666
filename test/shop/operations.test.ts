import { type OperationDefinitionNode, parse, validate } from 'graphql';
import { getVariableValues } from 'graphql/execution/values.js';
import { describe, expect, it } from 'vitest';
import { domains } from '../../src/domains/index.ts';
import { buildSchema } from '../../src/graphql/schema.ts';
import { registerDomains } from '../../src/kernel/define/domain.ts';
import { type Operation, readOperations } from '../../src/server/graphiql/operations.ts';
import { Placeholders } from '../../src/server/graphiql/placeholders.js';
import { operations as folder } from '../../src/shop/operations.ts';

const schema = buildSchema(domains, registerDomains(domains));
const operations = readOperations(folder);

function definitionsOf({ query }: Operation): OperationDefinitionNode[] {
  const { definitions } = parse(query);
  return definitions.filter((definition) => definition.kind === 'OperationDefinition');
}

describe('the documents of schema/operations', () => {
  it('tell a first session in order', () => {
    expect(operations.map(({ name }) => name)).toEqual([
      ...['RegisterCustomer', 'StockProduct', 'PlaceOrder', 'ReadMyOrder', 'LiveOrders', 'CaughtUp'],
      ...['OrderUpdated', 'Fulfilment', 'ShipOrder', 'DeliverOrder', 'CancelOrder'],
      ...['ListOrders', 'ListCatalogue', 'OrderStatistics', 'OrderHistory'],
      ...['MoveMoney', 'ReadAccount'],
      ...['WriteNote', 'FindNotes', 'PublishArticle', 'ReadArticles'],
      ...['Projections', 'AuditTrail', 'ReadDeadLetters'],
    ]);
  });

  it('take from documents before them all that they leave open', () => {
    const placeholders = new Placeholders({}, () => '00000000-0000-4000-8000-000000000000');
    for (const { name, query, variables } of operations) {
      const filled = placeholders.fill(JSON.parse(variables ?? '{}'));
      expect(JSON.stringify(filled), name).not.toContain('{{');
      if (query.includes('\nmutation ')) placeholders.sawToken('a token');
    }
  });

  describe.each(operations)('$name', (operation) => {
    it('fits the schema', () => {
      expect(validate(schema, parse(operation.query))).toEqual([]);
    });

    it('is the only operation of its document, so that the play button runs it', () => {
      expect(definitionsOf(operation).map(({ name }) => name?.value)).toEqual([operation.name]);
    });

    it('brings a value for each of its variables, and no others', () => {
      const definitions = definitionsOf(operation)[0]?.variableDefinitions ?? [];
      const variables = JSON.parse(operation.variables ?? '{}');
      expect(Object.keys(variables).sort()).toEqual(definitions.map(({ variable }) => variable.name.value).sort());
      expect(getVariableValues(schema, definitions, variables).errors).toBeUndefined();
    });

    it('begins with a comment that teaches, in lines that an editor of half a screen shows whole', () => {
      const lines = operation.query.split('\n');
      expect(lines[0]).toMatch(/^# [A-Z]/);
      expect(lines.filter((line) => line.length > 57)).toEqual([]);
    });
  });
});
