import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FetchClient } from '../../docs/example/clients/fetch.ts';
import { createUrqlClient } from '../../docs/example/clients/urql.ts';
import shop from '../../src/app.ts';
import { Tokens } from '../../src/kernel/consistency/token.ts';
import { type RunningServer, startServer } from '../../src/server/server.ts';
import { readConfig } from '../../src/settings/config.ts';
import { useDatabase } from '../support/postgres/database.ts';
import { until } from '../support/until.ts';

const database = useDatabase();
let app: RunningServer;
let url: string;
async function start(port = '0'): Promise<void> {
  const config = readConfig({ DATABASE_URL: database.url, PORT: port }, shop.settings);
  app = await startServer(shop, config, pino({ level: 'silent' }));
  url = `${app.url}/graphql`;
}
beforeEach(() => start());
afterEach(() => app.stop());
/** As when a new version is deployed: the address stays, all connections are lost. */
async function restart(): Promise<void> {
  await app.stop();
  await start(new URL(url).port);
}

const REGISTER = /* GraphQL */ `
  mutation ($id: ID!) {
    registerProduct(input: { id: $id, sku: "T", name: "Teapot", price: { amount: 1, currency: "GBP" } }) { __typename }
  }`;
const CHANGE = /* GraphQL */ `
  mutation ($id: ID!, $amount: SafeInt!) {
    changeProductPrice(input: { productId: $id, price: { amount: $amount, currency: "GBP" } }) { __typename }
  }`;
const PRICE = 'query ($id: ID!) { product(id: $id) { version price { amount } } }';
const UPDATES = /* GraphQL */ `
  subscription ($keys: [ID!]) { projectionUpdated(projections: ["products"], keys: $keys) { projection keys token } }`;
/** Another price than all before, and than the one that a product is registered with. */
const nextAmount = () => ++amount;
let amount = 1;
interface ProductView {
  readonly product: { readonly version: number; readonly price: { readonly amount: number } };
}
interface Update {
  readonly projectionUpdated: {
    readonly projection: string;
    readonly keys: readonly string[] | null;
    readonly token: string;
  };
}

describe('the client made of fetch', () => {
  it('reads its own writes', async () => {
    const client = new FetchClient(url);
    const id = randomUUID();
    await client.mutate(REGISTER, { id });
    for (let amount = 2; amount <= 40; amount++) {
      await client.mutate(CHANGE, { id, amount });
      const { data } = await client.query<ProductView>(PRICE, { id });
      expect(data?.product).toEqual({ version: amount, price: { amount } });
    }
  });

  it('reads without tokens that the server does not know any more', async () => {
    const client = new FetchClient(url);
    const token = new Tokens(randomUUID()).encode(1);
    vi.spyOn(globalThis, 'fetch').mockResolvedValueOnce(Response.json({ extensions: { consistency: { token } } }));
    await client.query('{ projections { name } }');
    const { data, errors } = await client.query('{ projections { name } }');
    expect(errors).toBeUndefined();
    expect(data).toMatchObject({ projections: expect.arrayContaining([{ name: 'products' }]) });
  });

  it('goes on with a subscription when the server comes back', async () => {
    const client = new FetchClient(url);
    const stop = new AbortController();
    const id = randomUUID();
    await client.mutate(REGISTER, { id });
    const seen: Update[] = [];
    const reading = (async () => {
      for await (const { data } of client.subscribe<Update>(UPDATES, { keys: [id] }, stop.signal))
        if (data) seen.push(data);
    })();
    await restart();
    await until(async () => {
      await client.mutate(CHANGE, { id, amount: nextAmount() });
      return seen.length > 0;
    });
    stop.abort();
    await reading;
    expect(seen[0]?.projectionUpdated.keys).toEqual([id]);
  });
});

describe('the urql client', () => {
  it('reads its own writes', async () => {
    const client = createUrqlClient(url, () => undefined);
    const id = randomUUID();
    await client.mutation(REGISTER, { id }).toPromise();
    for (let amount = 2; amount <= 40; amount++) {
      // A receipt holds no product, so that urql's cache has to be told which types a mutation changes.
      const { error } = await client.mutation(CHANGE, { id, amount }, { additionalTypenames: ['Product'] }).toPromise();
      expect(error).toBeUndefined();
      const { data } = await client.query<ProductView>(PRICE, { id }).toPromise();
      expect(data?.product).toMatchObject({ version: amount, price: { amount } });
    }
  });

  it('goes on with a subscription when the server comes back', async () => {
    const client = createUrqlClient(url, () => undefined);
    const id = randomUUID();
    await client.mutation(REGISTER, { id }).toPromise();
    const seen: Update[] = [];
    const { unsubscribe } = client
      .subscription<Update>(UPDATES, { keys: [id] })
      .subscribe(({ data }) => data && seen.push(data));
    const changed = () =>
      until(async () => {
        await client.mutation(CHANGE, { id, amount: nextAmount() }).toPromise();
        return seen.length > 0;
      });
    await changed();
    await restart();
    seen.length = 0;
    await changed();
    unsubscribe();
    expect(seen.at(-1)?.projectionUpdated).toMatchObject({
      projection: 'products',
      keys: [id],
      token: expect.stringMatching(/^[A-Za-z0-9_-]{36}$/),
    });
  });
});
