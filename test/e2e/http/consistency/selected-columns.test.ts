import { beforeAll, expect, it } from 'vitest';
import { openShop, placeOrder } from '../../../support/client/shop.ts';
import { testRandom } from '../../../support/random.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp({ fulfils: false });

/** Fields of an order, as they can be selected each by itself. */
const FIELDS = [
  ...['id', 'status', 'itemCount', 'carrier', 'trackingNumber', 'cancellationReason', 'placedAt', 'version', 'stale'],
  ...[
    'total { amount currency }',
    'shippingAddress { city }',
    'items { quantity product { name } }',
    'customer { name }',
  ],
];
const nameOf = (field: string) => field.split(' ')[0] as string;

type Order = Readonly<Record<string, unknown>>;
interface Listed {
  readonly orders: { readonly edges: readonly { readonly node: Order }[] };
}

let token: string;
beforeAll(async () => {
  const shop = await openShop(app);
  for (let i = 0; i < 3; i++) ({ token } = await placeOrder(app, shop));
});

async function listed(fields: readonly string[]): Promise<readonly Order[]> {
  const query = `{ orders { edges { node { ${fields.join(' ')} } } } }`;
  const { data, errors } = await app.query<Listed>(query, {}, { headers: { 'read-after': token } });
  expect(errors).toBeUndefined();
  return data.orders.edges.map(({ node }) => node);
}

it('a list shows of each row the same, whatever else of it is selected', async () => {
  const random = testRandom();
  const whole = await listed(FIELDS);
  expect(whole).toHaveLength(3);
  for (let i = 0; i < 20; i++) {
    const fields = random.shuffled(FIELDS).slice(0, random.between(1, FIELDS.length));
    const expected = whole.map((order) =>
      Object.fromEntries(fields.map((field) => [nameOf(field), order[nameOf(field)]])),
    );
    expect(await listed(fields)).toEqual(expected);
  }
});

it('the orders of a customer under two names show what each of them selects', async () => {
  const query = `{ orders(first: 1) { edges { node { customer {
    some: orders(first: 2) { edges { node { version } } }
    others: orders(first: 2) { edges { node { items { quantity } version } } }
  } } } } }`;
  const { data, errors } = await app.query(query, {}, { headers: { 'read-after': token } });
  expect(errors).toBeUndefined();
  const [{ node }] = (data.orders as { edges: [{ node: { customer: Record<string, { edges: unknown[] }> } }] }).edges;
  expect(node.customer.some?.edges).toEqual([{ node: { version: 1 } }, { node: { version: 1 } }]);
  expect(node.customer.others?.edges[0]).toEqual({ node: { items: [{ quantity: 2 }], version: 1 } });
});
