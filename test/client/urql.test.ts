import { Client, cacheExchange, type Exchange } from '@urql/core';
import { cacheExchange as graphcache, type UpdateResolver } from '@urql/exchange-graphcache';
import { describe, expect, it, onTestFinished } from 'vitest';
import { onEnd, pipe, subscribe } from 'wonka';
import { type GraphcacheOptions, graphcacheConfig } from '../../client/src/graphcache.ts';
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

describe('a connection of several pages in graphcache', () => {
  const embedded = ['CustomerConnection', 'CustomerEdge'];
  const pages = (config: GraphcacheOptions = {}) =>
    urql(graphcache(graphcacheConfig({ embedded, connections: { Query: ['customers'] }, ...config })));
  const namesIn = (data?: ListView | null) => data?.customers.edges.map(({ node }) => node.name);

  /** A component that shows the list: what it has shown, and the last answer. */
  function show(client: Client, query: string, variables: Record<string, unknown>) {
    const shown = { names: undefined as readonly string[] | undefined, last: undefined as ListView | undefined };
    const { unsubscribe } = client.query<ListView>(query, variables).subscribe(({ data }) => {
      shown.last = data;
      shown.names = namesIn(data);
    });
    onTestFinished(unsubscribe);
    return shown;
  }

  /** Begins with three customers and shows a page of two, and the one after them. */
  async function twoPages(config?: GraphcacheOptions) {
    const { client, afterwrite } = pages(config);
    for (const name of ['1', '2', '3']) await register(afterwrite, name);
    const list = show(client, LIST, { first: 2 });
    await until(() => list.names);
    expect(list.names).toEqual(['3', '2']);
    const after = list.last?.customers.pageInfo.endCursor;
    const next = show(client, LIST, { first: 1, after });
    await until(() => next.names);
    return { client, afterwrite, list, next, after };
  }

  it('is read as one list, by whoever shows one of its pages', async () => {
    const { list, next } = await twoPages();
    expect([list.names, next.names]).toEqual([
      ['3', '2', '1'],
      ['3', '2', '1'],
    ]);
  });

  it('shows what a live message brings where it belongs, and keeps the pages behind it', async () => {
    const { client, list, next } = await twoPages();
    const live = client.subscription(LIVE_LIST, { first: 3 }).subscribe(() => {});
    await registerCustomer(app, { name: '4' });
    await until(() => list.names?.[0] === '4');
    for (const shown of [list, next]) expect(shown.names).toEqual(['4', '3', '2', '1']);
    await registerCustomer(app, { name: '5' });
    await until(() => list.names?.[0] === '5');
    // The page after the last row of the message has not been read yet.
    expect([list.names, list.last?.customers.pageInfo.hasNextPage]).toEqual([['5', '4', '3'], true]);
    live.unsubscribe();
    const after = list.last?.customers.pageInfo.endCursor;
    await client.query<ListView>(LIST, { first: 5, after }).toPromise();
    expect(list.names?.slice(0, 5)).toEqual(['5', '4', '3', '2', '1']);
  });

  it('shows the newest page from the beginning, whatever its size', async () => {
    const { client, list } = await twoPages();
    await registerCustomer(app, { name: '4' });
    await until(async () => {
      const { data } = await client.query<ListView>(LIST, { first: 1 }, { requestPolicy: 'network-only' }).toPromise();
      return namesIn(data)?.[0] === '4';
    });
    expect(list.names).toEqual(['4']);
    await client.query(LIST, { first: 2, after: list.last?.customers.pageInfo.endCursor }).toPromise();
    expect(list.names).toEqual(['4', '3', '2', '1']);
  });

  it('keeps its pages while somebody asks for its number of rows alone', async () => {
    const { client, list } = await twoPages();
    const badge = 'query Badge { customers(first: 1, sort: REGISTERED_AT_DESC) { totalCount } }';
    const ask = () =>
      client.query<{ customers: { totalCount: number } }>(badge, {}, { requestPolicy: 'network-only' }).toPromise();
    const count = (await ask()).data?.customers.totalCount;
    expect(list.names).toEqual(['3', '2', '1']);
    expect(client.readQuery(badge, {})?.data).toMatchObject({ customers: { totalCount: count } });
    // The number stays that of the last answer, also if the list has one of its own.
    await client.query(LIST.replace('edges', 'totalCount edges'), { first: 2 }).toPromise();
    await registerCustomer(app, { name: '4' });
    await until(async () => (await ask()).data?.customers.totalCount === Number(count) + 1);
    expect(list.names).toEqual(['3', '2', '1']);
  });

  it('is read backwards too', async () => {
    const { client, afterwrite } = pages();
    for (const name of ['1', '2', '3']) await register(afterwrite, name);
    const backwards = LIST.replace('$first: Int!, $after: String', '$last: Int!, $before: String')
      .replace('first: $first, after: $after', 'last: $last, before: $before')
      .replace('endCursor', 'hasPreviousPage startCursor');
    const list = show(client, backwards, { last: 1 });
    await until(() => list.names);
    const before = list.last?.customers.pageInfo.startCursor;
    const { data } = await client.query<ListView>(backwards, { last: 1, before }).toPromise();
    expect(data?.customers.edges).toHaveLength(2);
    expect(list.names).toEqual(namesIn(data));
  });

  it('has the fields of its newest page, and nodes without edges', async () => {
    const { client, afterwrite } = pages();
    await register(afterwrite);
    const fields = 'totalCount nodes { id name } pageInfo { endCursor }';
    const query = `query ($first: Int!) { customers(first: $first) { ${fields} } }`;
    const one = () => client.readQuery<{ customers: { totalCount: number; nodes: unknown[] } }>(query, { first: 1 });
    await client.query(query, { first: 1 }).toPromise();
    const before = one()?.data?.customers;
    await register(afterwrite);
    await client.query(query, { first: 100 }, { requestPolicy: 'network-only' }).toPromise();
    const total = Number(before?.totalCount) + 1;
    expect(one()?.data?.customers.totalCount).toBe(total);
    expect(one()?.data?.customers.nodes).toHaveLength(total);
  });

  it('leaves the updates of the application in place', async () => {
    const written: unknown[] = [];
    const customers: UpdateResolver = (_parent, { first }) => void written.push(first);
    const { client } = pages({ updates: { Query: { customers } } });
    await client.query(LIST, { first: 2 }).toPromise();
    expect(written).toEqual([2]);
  });
});
