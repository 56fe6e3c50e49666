import { randomUUID } from 'node:crypto';
import { ApolloClient, gql } from '@apollo/client';
import { describe, expect, it } from 'vitest';
import { afterwriteCache, afterwriteLink } from '../../client/src/apollo.ts';
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
  RENAME,
  RENAME_AND_READ,
} from './documents.ts';
import { Line, register, useClients } from './support.ts';

interface CountView {
  readonly customers: { readonly totalCount: number };
}

const app = useApp({ fulfils: false });
const createClient = useClients(app);
const READ = gql(CUSTOMER);

function apollo() {
  const line = new Line();
  const afterwrite = createClient({ fetch: line.fetch });
  const client = new ApolloClient({
    link: afterwriteLink(afterwrite),
    cache: afterwriteCache({ connections: { Query: ['customers'] } }),
  });
  /** The name in the cache. */
  const shown = (id: string) => client.readQuery<CustomerView>({ query: READ, variables: { id } })?.customer?.name;
  const read = (id: string) =>
    client.query<CustomerView>({ query: READ, variables: { id }, fetchPolicy: 'network-only' });
  return { client, afterwrite, line, shown, read };
}

describe('Apollo Client', () => {
  it('reads its own writes', async () => {
    const { client, afterwrite, read } = apollo();
    const id = await register(afterwrite);
    for (let write = 1; write <= 10; write++) {
      await client.mutate({ mutation: gql(RENAME), variables: { id, name: `Ada ${write}` } });
      expect((await read(id)).data?.customer).toMatchObject({ name: `Ada ${write}`, version: write + 1 });
    }
  });

  it('shows what a mutation has written, by the query of its receipt', async () => {
    const { client, afterwrite, shown, read } = apollo();
    const id = await register(afterwrite);
    await read(id);
    await client.mutate({ mutation: gql(RENAME_AND_READ), variables: { id, name: 'Grace' } });
    expect(shown(id)).toBe('Grace');
  });

  it('keeps the code and the message of a command that was refused', async () => {
    const { client } = apollo();
    const { data } = await client.mutate({
      mutation: gql(RENAME),
      variables: { id: randomUUID(), name: 'Grace' },
    });
    expect(data).toMatchObject({
      renameCustomer: { __typename: 'AggregateNotFound', code: 'AGGREGATE_NOT_FOUND', message: expect.any(String) },
    });
  });

  it('never shows an answer that was overtaken by a newer one', async () => {
    const { client, afterwrite, line, shown, read } = apollo();
    const id = await register(afterwrite);
    const held = line.holdAnswer();
    const late = read(id);
    await held.answered;
    await client.mutate({ mutation: gql(RENAME_AND_READ), variables: { id, name: 'Grace' } });
    const seen: (string | undefined)[] = [];
    const watching = client
      .watchQuery<CustomerView>({ query: READ, variables: { id }, fetchPolicy: 'cache-only' })
      .subscribe(({ data }) => seen.push((data as CustomerView | undefined)?.customer?.name));
    held.release();
    expect((await late).data?.customer?.name).toBe('Grace');
    watching.unsubscribe();
    expect([shown(id), seen]).toEqual(['Grace', ['Grace']]);
  });

  it('never shows an answer that was overtaken by a live message', async () => {
    const { client, afterwrite, line, shown, read } = apollo();
    const id = await register(afterwrite);
    const messages: unknown[] = [];
    const live = client
      .subscribe({ query: gql(LIVE_CUSTOMER), variables: { id } })
      .subscribe(({ data }) => messages.push(data));
    await until(() => shown(id) === 'Ada');
    const held = line.holdAnswer();
    const late = read(id);
    await held.answered;
    await createClient().command(RENAME, { id, name: 'Grace' });
    await until(() => shown(id) === 'Grace');
    held.release();
    expect((await late).data?.customer?.name).toBe('Grace');
    live.unsubscribe();
    expect(shown(id)).toBe('Grace');
  });

  it('asks once more if tokens do not tell which of two answers is newer, and shows what is read then', async () => {
    const { client, afterwrite, line } = apollo();
    for (const name of ['1', '2', '3']) await register(afterwrite, name);
    const query = gql('query Count { customers { totalCount } }');
    const context = { queryDeduplication: false };
    const count = async () =>
      (await client.query<CountView>({ query, fetchPolicy: 'network-only', context })).data?.customers.totalCount;
    const answered = (totalCount: number, position: number) => {
      const customers = { __typename: 'CustomerConnection', totalCount };
      const consistency = { token: app.engine.tokens.encode(position), stale: false };
      return Response.json({ data: { customers }, extensions: { consistency } });
    };
    const { data } = await afterwrite.query('{ customers { totalCount } }');
    const all = (data as CountView).customers.totalCount;
    const before = line.sent.length;
    const late = Promise.withResolvers<Response>();
    line.answer(late.promise);
    const first = count();
    await until(() => line.sent.length === before + 1);
    // Data may include more than the token says.
    line.answer(answered(2, 1));
    expect(await count()).toBe(2);
    late.resolve(answered(1, 2));
    expect(await first).toBe(all);
    expect([client.readQuery<CountView>({ query })?.customers.totalCount, line.sent.length - before]).toEqual([all, 3]);
  });

  it('sends a command once more for its answer if that was overtaken, and it takes effect once', async () => {
    const { client, afterwrite, line, shown } = apollo();
    const id = await register(afterwrite);
    const held = line.holdAnswer();
    const late = client.mutate({ mutation: gql(RENAME_AND_READ), variables: { id, name: 'Grace' } });
    await held.answered;
    await client.mutate({ mutation: gql(RENAME_AND_READ), variables: { id, name: 'Edsger' } });
    held.release();
    await late;
    expect(shown(id)).toBe('Edsger');
    const { data } = await client.query<CustomerView>({ query: READ, variables: { id }, fetchPolicy: 'network-only' });
    expect(data?.customer).toMatchObject({ name: 'Edsger', version: 3 });
  });

  it.each([[{}], [{ commandId: null }], [{ commandId: undefined }]])(
    'delivers the answer to an accepted command although it is overtaken again and again, with %o',
    async (variables) => {
      const { client, afterwrite, line, shown } = apollo();
      const other = createClient();
      const id = await register(other);
      const live = client.subscribe({ query: gql(LIVE_CUSTOMER), variables: { id } }).subscribe(() => {});
      await until(() => shown(id) === 'Ada');
      let held = line.holdAnswer();
      const late = client.mutate({ mutation: gql(RENAME_AND_READ), variables: { id, name: 'Grace', ...variables } });
      for (let attempt = 1; attempt <= 6; attempt++) {
        await held.answered;
        await other.command(RENAME, { id, name: `Edsger ${attempt}` });
        await until(() => shown(id) === `Edsger ${attempt}`);
        const { release } = held;
        held = line.holdAnswer();
        release();
      }
      expect((await late).data).toMatchObject({ renameCustomer: { token: expect.any(String) } });
      live.unsubscribe();
      const { data } = await other.query(CUSTOMER, { id });
      // Registered once, and renamed seven times.
      expect([(data as CustomerView).customer?.version, line.sent.length]).toEqual([8, 6]);
      afterwrite.close();
    },
  );

  it('adds the next page to a list, and keeps the list live', async () => {
    const { client, afterwrite } = apollo();
    for (const name of ['1', '2', '3']) await register(afterwrite, name);
    const list = client.watchQuery<ListView>({ query: gql(LIST), variables: { first: 2 } });
    const names = () =>
      client
        .readQuery<ListView>({ query: gql(LIST), variables: { first: 2 } })
        ?.customers.edges.map(({ node }) => node.name);
    const watching = list.subscribe(() => {});
    await until(() => names()?.length === 2);
    const { data } = list.getCurrentResult();
    const cursor = (data as ListView).customers.pageInfo.endCursor;
    await list.fetchMore({ variables: { first: 1, after: cursor } });
    expect(names()).toEqual(['3', '2', '1']);
    const live = client.subscribe({ query: gql(LIVE_LIST), variables: { first: 3 } }).subscribe(() => {});
    await until(() => names()?.length === 3);
    await registerCustomer(app, { name: '4' });
    await until(() => names()?.[0] === '4');
    expect(names()).toEqual(['4', '3', '2']);
    live.unsubscribe();
    watching.unsubscribe();
  });
});
