import { randomUUID } from 'node:crypto';
import { gql } from '@apollo/client';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { FetchClient } from '../../docs/example/clients/fetch.ts';
import { createApollo } from '../../docs/example/frontend/apollo.ts';
import { clientFor } from '../../docs/example/frontend/client.ts';
import { createGraphql } from '../../docs/example/frontend/fetch.ts';
import { createUrql } from '../../docs/example/frontend/urql.ts';
import shop from '../../src/app.ts';
import { Tokens } from '../../src/kernel/consistency/token.ts';
import { type RunningServer, startServer } from '../../src/server/server.ts';
import { readConfig } from '../../src/settings/config.ts';
import { MemoryStorage, waitingIn } from '../client/support.ts';
import { useDatabase } from '../support/postgres/database.ts';
import { until } from '../support/until.ts';

const database = useDatabase({ per: 'emptied' });
let app: RunningServer;
let url: string;
async function start(port = '0'): Promise<void> {
  const config = readConfig({ DATABASE_URL: database.url, PORT: port }, shop.settings);
  app = await startServer(shop, config, pino({ level: 'silent' }));
  url = `${app.url}/graphql`;
}
beforeEach(() => start());
afterEach(() => app.stop());
/** Restarts the server, as a deployment does: the address stays, and all connections are lost. */
async function restart(): Promise<void> {
  await app.stop();
  await start(new URL(url).port);
}

const REGISTER = /* GraphQL */ `
  mutation ($id: ID!) {
    registerProduct(input: { id: $id, sku: "T", name: "Teapot", price: { amount: 1, currency: "GBP" } }) { __typename }
  }`;
const REGISTER_ONCE = /* GraphQL */ `
  mutation ($id: ID!, $commandId: ID) {
    registerProduct(input: { id: $id, sku: "T", name: "T", price: { amount: 1, currency: "GBP" } }, commandId: $commandId) {
      ... on CommandReceipt { version token }
    }
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

describe('the example of the client package', () => {
  it('reads its own writes with Apollo Client', async () => {
    const { afterwrite, client } = createApollo(url, () => undefined);
    onTestFinished(() => afterwrite.close());
    const id = randomUUID();
    await client.mutate({ mutation: gql(REGISTER), variables: { id } });
    const { data } = await client.query<ProductView>({ query: gql(PRICE), variables: { id } });
    expect(data?.product).toMatchObject({ version: 1, price: { amount: 1 } });
  });

  it('reads its own writes with urql', async () => {
    const { afterwrite, client } = createUrql(url, () => undefined);
    onTestFinished(() => afterwrite.close());
    const id = randomUUID();
    await client.mutation(REGISTER, { id }).toPromise();
    const { data } = await client.query<ProductView>(PRICE, { id }).toPromise();
    expect(data?.product).toMatchObject({ version: 1, price: { amount: 1 } });
  });

  it('reads its own writes with plain requests', async () => {
    const graphql = createGraphql(url, () => undefined);
    const id = randomUUID();
    await graphql(REGISTER, { id });
    expect(await graphql(PRICE, { id })).toEqual({ product: { version: 1, price: { amount: 1 } } });
  });

  it('keeps a session, and a queue in its storage', async () => {
    const storage = new MemoryStorage();
    const client = clientFor(url, { accessToken: undefined, refresh: async () => undefined, storage });
    onTestFinished(() => client.close());
    const receipt = client.command(REGISTER_ONCE, { id: randomUUID() }, { queue: true });
    expect(await receipt).toMatchObject({ version: 1 });
    expect(waitingIn(storage)).toEqual([]);
  });
});
