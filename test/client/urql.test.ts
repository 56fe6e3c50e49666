import { Client, cacheExchange, type Exchange } from '@urql/core';
import { cacheExchange as graphcache } from '@urql/exchange-graphcache';
import { describe, expect, it } from 'vitest';
import { onEnd, pipe, subscribe } from 'wonka';
import { graphcacheConfig } from '../../client/src/graphcache.ts';
import { afterwriteExchange } from '../../client/src/urql.ts';
import { registerCustomer } from '../support/client/shop.ts';
import { useApp } from '../support/server/app.ts';
import { until } from '../support/until.ts';
import {
  CUSTOMER,
  type CustomerView,
  LIST,
  LIVE_CUSTOMER,
  LIVE_LIST,
  type ListView,
  type LiveCustomerView,
  RENAME,
  RENAME_AND_READ,
} from './documents.ts';
import { Line, register, useClients } from './support.ts';

const app = useApp({ fulfils: false });
const createClient = useClients(app);

function urql(cache: Exchange = graphcache(graphcacheConfig({ embedded: ['CustomerConnection', 'CustomerEdge'] }))) {
  const line = new Line();
  const afterwrite = createClient({ fetch: line.fetch });
  const client = new Client({
    url: 'unused',
    preferGetMethod: false,
    exchanges: [cache, afterwriteExchange(afterwrite)],
  });
  /** The name in the cache. */
  const shown = (id: string) => client.readQuery<CustomerView>(CUSTOMER, { id })?.data?.customer?.name;
  const read = (id: string) =>
    client.query<CustomerView>(CUSTOMER, { id }, { requestPolicy: 'network-only' }).toPromise();
  return { client, afterwrite, line, shown, read };
}

describe('urql', () => {
  it('reads its own writes with the cache for documents', async () => {
    const { client, afterwrite, read } = urql(cacheExchange);
    const id = await register(afterwrite);
    for (let write = 1; write <= 10; write++) {
      await client.mutation(RENAME, { id, name: `Ada ${write}` }).toPromise();
      expect((await read(id)).data?.customer).toMatchObject({ name: `Ada ${write}`, version: write + 1 });
    }
  });

  it('reports errors and commands that were refused', async () => {
    const { client, line } = urql(cacheExchange);
    expect((await client.query('{ nothing }', {}).toPromise()).error?.graphQLErrors[0]?.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
    });
    line.isCut = true;
    expect((await client.query('{ __typename }', {}).toPromise()).error?.networkError).toMatchObject({
      code: 'UNREACHABLE',
    });
  });
});

describe('urql with a normalised cache', () => {
  it('shows what a mutation has written, by the query of its receipt', async () => {
    const { client, afterwrite, shown, read } = urql();
    const id = await register(afterwrite);
    await read(id);
    await client.mutation(RENAME_AND_READ, { id, name: 'Grace' }).toPromise();
    expect(shown(id)).toBe('Grace');
  });

  it('never shows an answer that was overtaken by a newer one', async () => {
    const { client, afterwrite, line, shown, read } = urql();
    const id = await register(afterwrite);
    const held = line.holdAnswer();
    const late = read(id);
    await held.answered;
    await client.mutation(RENAME_AND_READ, { id, name: 'Grace' }).toPromise();
    held.release();
    expect((await late).data?.customer?.name).toBe('Grace');
    expect(shown(id)).toBe('Grace');
  });

  it('never shows an answer that was overtaken by a live message', async () => {
    const { client, afterwrite, line, shown, read } = urql();
    const id = await register(afterwrite);
    const messages: (string | undefined)[] = [];
    const live = client
      .subscription<LiveCustomerView>(LIVE_CUSTOMER, { id })
      .subscribe(({ data }) => messages.push(data?.live.customer?.name));
    await until(() => shown(id) === 'Ada');
    const held = line.holdAnswer();
    const late = read(id);
    await held.answered;
    await createClient().command(RENAME, { id, name: 'Grace' });
    await until(() => messages.at(-1) === 'Grace');
    held.release();
    expect((await late).data?.customer?.name).toBe('Grace');
    live.unsubscribe();
    expect(shown(id)).toBe('Grace');
  });

  it('shows the newest although an older answer was asked for later', async () => {
    const { client, afterwrite, line, shown } = urql();
    const id = await register(afterwrite);
    const held = line.holdRequest();
    const first = client.query<CustomerView>(CUSTOMER, { id }, { requestPolicy: 'network-only' }).toPromise();
    await held.asked;
    const other = 'query Other($id: ID!) { customer(id: $id) { id name } }';
    await client.query(other, { id }, { requestPolicy: 'network-only' }).toPromise();
    await createClient().command(RENAME, { id, name: 'Grace' });
    await until(async () => {
      const { data } = await afterwrite.query(CUSTOMER, { id });
      return (data as CustomerView).customer?.name === 'Grace';
    });
    held.release();
    expect((await first).data?.customer?.name).toBe('Grace');
    expect(shown(id)).toBe('Grace');
  });

  it('tells whoever shows a subscription that it has ended', async () => {
    const { client, afterwrite, shown } = urql();
    const id = await register(afterwrite);
    let endings = 0;
    pipe(
      client.subscription(LIVE_CUSTOMER, { id }),
      onEnd(() => endings++),
      subscribe(() => {}),
    );
    await until(() => shown(id) === 'Ada');
    expect(endings).toBe(0);
    afterwrite.signOut();
    await until(() => endings === 1);
  });

  it('keeps a list live', async () => {
    const { client, afterwrite } = urql();
    for (const name of ['1', '2']) await register(afterwrite, name);
    const names = () =>
      client.readQuery<ListView>(LIST, { first: 2 })?.data?.customers.edges.map(({ node }) => node.name);
    await client.query(LIST, { first: 2 }).toPromise();
    expect(names()).toEqual(['2', '1']);
    const live = client.subscription(LIVE_LIST, { first: 2 }).subscribe(() => {});
    await registerCustomer(app, { name: '3' });
    await until(() => names()?.[0] === '3');
    expect(names()).toEqual(['3', '2']);
    live.unsubscribe();
  });
});
