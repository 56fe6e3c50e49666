import { type DocumentNode, type FieldNode, type FragmentDefinitionNode, Kind, parse } from 'graphql';
import { expect, it } from 'vitest';
import shop from '../../../src/app.ts';
import { rowMapper } from '../../../src/database/driver/drizzle/mapped.ts';
import { orders } from '../../../src/domains/orders/index.ts';
import { selectedColumns } from '../../../src/graphql/read/selected-columns.ts';
import { schemaOf } from '../../../src/graphql/schema.ts';
import type { Projection } from '../../../src/kernel/define/read-model/projection.ts';

const schema = schemaOf(shop);
const projection = orders as unknown as Projection;

/** The field's info, as the resolver of `orders` gets it. */
function infoOf({ definitions }: DocumentNode) {
  const fragments: Record<string, FragmentDefinitionNode> = {};
  const fieldNodes: FieldNode[] = [];
  for (const definition of definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition;
    if (definition.kind === Kind.OPERATION_DEFINITION) {
      fieldNodes.push(...(definition.selectionSet.selections as readonly FieldNode[]));
    }
  }
  const returnType = schema.getQueryType()?.getFields().orders?.type;
  if (!returnType) throw new Error('There is no list of orders.');
  return { fragments, fieldNodes, returnType, schema };
}

const select = (document: string, always: readonly string[] = ['placedAt', 'id']) =>
  selectedColumns(projection, infoOf(parse(document)), always);

/** Long columns of an order that are read. */
function longIn(document: string): readonly string[] {
  const long = ['status', 'items', 'currency', 'shippingAddress', 'carrier', 'searchText'];
  return long.filter((property) => property in select(document).columns);
}

it.each([
  ['{ orders { edges { cursor } } }', []],
  ['{ orders { edges { node { id version stale } } } }', []],
  ['{ orders { edges { node { total { amount } } } } }', ['currency']],
  ['{ orders { edges { node { state: status items { quantity } } } } }', ['status', 'items']],
  ['{ orders { edges { ...E } } } fragment E on OrderEdge { node { ... on Order { carrier } } }', ['carrier']],
  ['query ($no: Boolean!) { orders { edges { node { items @include(if: $no) { quantity } } } } }', ['items']],
  // The versions of an order begin with the order itself.
  ['{ orders { nodes { versions { nodes { orderId version } } } } }', []],
  ['{ orders { nodes { versions { nodes { carrier validFrom } } } } }', ['carrier']],
  ['{ orders { edges { cursor } } orders { edges { node { status } } } }', ['status']],
])('%s reads of the long columns only %j', (document, expected) => {
  expect(longIn(document)).toEqual(expected);
});

it('reads what the rows are sorted by, and all short columns, whether selected or not', () => {
  expect(select('{ orders { edges { cursor } } }', ['carrier', 'id']).columns).toHaveProperty('carrier');
  expect(Object.keys(select('{ orders { edges { cursor } } }').columns)).toEqual(
    expect.arrayContaining(['id', 'total', 'placedAt', 'version', 'lastPosition', 'staleSince']),
  );
});

it('reads all columns if nothing is known of the selection', () => {
  expect(selectedColumns(projection, undefined, []).columns).toHaveProperty('searchText');
});

it('tells an author whose resolver reads a column that its field does not name', () => {
  const { columns, prototype } = select('{ orders { edges { node { id } } } }');
  const row = rowMapper(columns, prototype)(Object.keys(columns).map((property) => property));
  expect(row.id).toBe('id');
  expect(() => row.items).toThrow('A resolver reads column items of orders, which its field does not name');
});
