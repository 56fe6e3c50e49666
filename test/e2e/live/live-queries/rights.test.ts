import { beforeAll, describe, expect, it } from 'vitest';
import { caughtUp } from '../../../support/client/caught-up.ts';
import { accepted, openShop, placeOrder, registerCustomer, type Shop } from '../../../support/client/shop.ts';
import { accessToken, customerToken, staffToken, WITH_AUTH } from '../../../support/client/tokens.ts';
import { useTransports } from '../../../support/client/transports.ts';
import { useApp } from '../../../support/server/app.ts';
import { executionsOf, liveQueriesOf } from './support.ts';

const app = useApp({ env: WITH_AUTH, fulfils: false });
const open = useTransports(app);

let staff: string;
let shop: Shop;
beforeAll(async () => {
  staff = await staffToken();
  shop = await openShop(app, { token: staff });
});
const registered = async () => (await registerCustomer(app, {}, { token: staff })).aggregateId;
const placed = (customerId: string) => placeOrder(app, { ...shop, customerId }, {}, { token: staff });

interface Orders {
  readonly live: { readonly orders: { readonly nodes: readonly { readonly id: string }[] } };
}
const ORDERS = 'subscription ($after: ConsistencyToken) { live(after: $after) { orders(first: 20) { nodes { id } } } }';

describe('a live query', () => {
  it('shows each subscriber the rows that they may see, and is not executed for changes of others', async () => {
    const [ada, bob] = [await registered(), await registered()];
    const { token: after, aggregateId: first } = await placed(ada);
    const asAda = open('WebSocket', { token: await customerToken(ada) }).subscribe<Orders>(ORDERS, { after });
    const asBob = open('SSE by POST', { token: await customerToken(bob) }).subscribe<Orders>(ORDERS, { after });
    expect((await asAda.data()).live.orders.nodes).toEqual([{ id: first }]);
    expect((await asBob.data()).live.orders.nodes).toEqual([]);
    const before = await executionsOf(app);
    const { aggregateId: second } = await placed(bob);
    expect((await asBob.data()).live.orders.nodes).toEqual([{ id: second }]);
    expect(await executionsOf(app)).toBe(before + 1);
    expect(asAda.messages).toHaveLength(1);
  });

  it('is executed once for different people with the same rights', async () => {
    const clerks = ['first', 'second', 'third'].map((name) => accessToken(name, ['staff']));
    const { token: after } = await placed(await registered());
    const feeds = await Promise.all(
      clerks.map(async (token) => open('WebSocket', { token: await token }).subscribe<Orders>(ORDERS, { after })),
    );
    for (const feed of feeds) await feed.data();
    expect(await liveQueriesOf(app)).toEqual({ queries: 1, subscribers: 3 });
    const before = await executionsOf(app);
    const { aggregateId: id } = await placed(await registered());
    for (const feed of feeds) expect((await feed.data()).live.orders.nodes[0]).toEqual({ id });
    expect(await executionsOf(app)).toBe(before + 1);
  });

  it('that asks who is asking gives each actor an answer of their own', async () => {
    const query = `subscription ($id: ID!, $after: ConsistencyToken) {
      live(after: $after) { me { id } customer(id: $id) { name } }
    }`;
    interface Mine {
      readonly live: { readonly me: { readonly id: string }; readonly customer: { readonly name: string } };
    }
    const { aggregateId: id, token: after } = await registerCustomer(app, { name: 'Ada' }, { token: staff });
    const names = ['first', 'second', 'second'];
    const feeds = await Promise.all(
      names.map(async (name) => {
        const token = await accessToken(name, ['staff']);
        return open('WebSocket', { token }).subscribe<Mine>(query, { id, after });
      }),
    );
    const answers = async () => (await Promise.all(feeds.map((feed) => feed.data()))).map(({ live }) => live);
    expect(await answers()).toEqual(names.map((name) => ({ me: { id: name }, customer: { name: 'Ada' } })));
    expect(await liveQueriesOf(app)).toEqual({ queries: 2, subscribers: 3 });
    await accepted(app, 'renameCustomer', { customerId: id, name: 'Grace' }, { token: staff });
    expect(await answers()).toEqual(names.map((name) => ({ me: { id: name }, customer: { name: 'Grace' } })));
  });

  it('tells who may not read something so, and goes on with what they may read', async () => {
    const { token: after, aggregateId: id } = await registerCustomer(app, { name: 'Ada' }, { token: staff });
    const token = await customerToken(id);
    const query = `subscription ($id: ID!, $after: ConsistencyToken) {
      live(after: $after) { customer(id: $id) { name } processes { name } }
    }`;
    const feed = open('SSE by POST', { token }).subscribe(query, { id, after });
    const message = await feed.next();
    expect(message.errors).toMatchObject([{ path: ['live', 'processes'], extensions: { code: 'FORBIDDEN' } }]);
    expect(feed.ending).toBeUndefined();
  });

  it('ends with the access token that opened it', async () => {
    const { token: after } = await placed(await registered());
    await caughtUp(app, after);
    // Seconds are what tokens count in, and five are granted to clocks that differ.
    const token = await accessToken('clerk', ['staff'], { expiresAt: new Date(Date.now() - 3000) });
    const overSocket = open('WebSocket', { token }).subscribe<Orders>(ORDERS, { after });
    const overEvents = open('SSE by POST', { token }).subscribe<Orders>(ORDERS, { after });
    await overSocket.data();
    await overEvents.data();
    expect(await overSocket.end()).toMatchObject({ how: 'closed', code: 4403 });
    expect(await overEvents.end()).toMatchObject({ how: 'closed' });
    expect(overEvents.messages.at(-1)?.errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
  });
});
