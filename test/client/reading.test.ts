import { randomUUID } from 'node:crypto';
import { type DocumentNode, parse, print } from 'graphql';
import { describe, expect, it } from 'vitest';
import { createFetch } from '../../client/src/fetch.ts';
import type { Typed, Variables } from '../../client/src/index.ts';
import { Tokens } from '../../src/kernel/consistency/token.ts';
import { stall } from '../support/postgres/stall.ts';
import { useApp } from '../support/server/app.ts';
import { until } from '../support/until.ts';
import { CUSTOMER, type CustomerView, REGISTER, RENAME } from './documents.ts';
import { Line, MemoryStorage, nameOf, register, useClients } from './support.ts';

const app = useApp({ fulfils: false });
const createClient = useClients(app);

describe('a client', () => {
  it('reads its own writes', async () => {
    const client = createClient();
    const id = await register(client);
    for (let write = 1; write <= 20; write++) {
      await client.command(RENAME, { id, name: `Ada ${write}` });
      expect(await nameOf(client, id)).toBe(`Ada ${write}`);
    }
  });

  it('sends each query after the newest place that it has written or seen', async () => {
    const line = new Line();
    const client = createClient({ fetch: line.fetch });
    const id = await register(client);
    const written = client.token;
    await nameOf(client, id);
    expect(line.sent.map((headers) => headers.get('read-after'))).toEqual([null, written]);
  });

  it('reads without a token of another store, and goes on with those of this one', async () => {
    const client = createClient();
    const id = await register(createClient());
    client.saw(new Tokens(randomUUID()).encode(1));
    await until(async () => (await nameOf(client, id)) === 'Ada');
    const token = client.token;
    expect(token?.slice(0, 23)).toBe(app.engine.tokens.encode(0).slice(0, 23));
  });

  it('reads without a token that is ahead of the log', async () => {
    const client = createClient();
    const id = await register(client);
    const written = client.token ?? '';
    client.saw(app.engine.tokens.encode(1_000_000));
    // The first answer is one of any time, and may include more than its token says.
    await until(async () => (await nameOf(client, id)) === 'Ada' && (client.token ?? '') >= written);
    expect((client.token ?? '') < app.engine.tokens.encode(1_000_000)).toBe(true);
  });

  it('takes only consistency tokens from the fields of an answer', async () => {
    const line = new Line();
    const client = createClient({ fetch: line.fetch });
    const own = (position: number) => app.engine.tokens.encode(position);
    const foreign = new Tokens(randomUUID()).encode(9);
    const answered = async (token: string, consistency?: string) => {
      const extensions = consistency === undefined ? {} : { extensions: { consistency: { token: consistency } } };
      line.answer(Response.json({ data: { createInvite: { token } }, ...extensions }));
      await client.query('{ createInvite { token } }');
      return client.token;
    };
    expect(await answered('zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz')).toBeUndefined();
    expect(await answered('zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz', own(3))).toBe(own(3));
    expect(await answered(`${own(4)}z`, own(3))).toBe(own(3));
    expect(await answered(`${own(4).slice(0, 35)}!`, own(3))).toBe(own(3));
    expect(await answered(foreign, own(3))).toBe(own(3));
    expect(await answered(own(5), own(3))).toBe(own(5));
  });

  it('tells when an answer is stale, and when it is fresh again', async () => {
    const client = createClient();
    const id = await register(client);
    const told: boolean[] = [];
    client.onStale(({ stale, operationName }) => told.push(operationName === 'Customer' && stale));
    const query = `query Customer($id: ID!, $token: ConsistencyToken!) @readAfter(token: $token, timeoutMs: 0, onTimeout: STALE) {
      customer(id: $id) { name } }`;
    await nameOf(client, id);
    const stalled = await stall(app.database, 'customers');
    const { token } = await createClient().command(RENAME, { id, name: 'Grace' });
    const reads = () => client.query(query, { id, token }, { operationName: 'Customer' });
    await reads();
    await reads();
    await stalled();
    await until(async () => (await reads()) && told.length > 1);
    expect(told).toEqual([true, false]);
  });
});

describe('two tabs', () => {
  it('read what the other one has written', async () => {
    const line = new Line();
    const [one, other] = [createClient({ share: 'tabs' }), createClient({ share: 'tabs', fetch: line.fetch })];
    const id = await register(one);
    await until(() => other.token === one.token);
    expect(await nameOf(other, id)).toBe('Ada');
    expect(line.sent[0]?.get('read-after')).toBe(one.token);
  });

  it('know the newest place although one was opened later', async () => {
    const one = createClient({ share: 'tabs' });
    await register(one);
    const later = createClient({ share: 'tabs' });
    await until(() => later.token === one.token);
  });

  it('read what the other one has written although their first query follows at once', async () => {
    const line = new Line();
    const one = createClient({ share: 'tabs' });
    const id = await register(one);
    const later = createClient({ share: 'tabs', fetch: line.fetch });
    expect(await nameOf(later, id)).toBe('Ada');
    expect(line.sent.map((headers) => headers.get('read-after'))).toEqual([one.token]);
  });
});

describe('a page that is loaded again', () => {
  it('reads what it has written before', async () => {
    const storage = new MemoryStorage();
    const before = createClient({ share: 'tab', storage });
    const id = await register(before);
    const { token } = before;
    before.close();
    const again = createClient({ share: 'tab', storage });
    expect(again.token).toBe(token);
    expect(await nameOf(again, id)).toBe('Ada');
  });

  it('reads what another tab had written, although that one is closed', async () => {
    const storage = new MemoryStorage();
    const [one, other] = [createClient({ share: 'tabs' }), createClient({ share: 'tabs', storage })];
    await register(one);
    const { token } = one;
    await until(() => other.token === token);
    for (const tab of [one, other]) tab.close();
    expect(createClient({ share: 'tab', storage }).token).toBe(token);
  });

  it('reads after the token that its server has given', () => {
    const storage = new MemoryStorage();
    const token = app.engine.tokens.encode(3);
    createClient({ share: 'tab', storage }).saw(token);
    expect(createClient({ share: 'tab', storage }).token).toBe(token);
  });

  it('knows nothing any more if its user has signed out', async () => {
    const storage = new MemoryStorage();
    const before = createClient({ share: 'tab', storage });
    await register(before);
    before.signOut();
    expect([before.token, createClient({ share: 'tab', storage }).token]).toEqual([undefined, undefined]);
  });
});

describe('a document that was parsed without keeping its text', () => {
  const parsed = <Data = unknown, Given = Variables>(text: string): DocumentNode & Typed<Data, Given> =>
    parse(text, { noLocation: true });

  it('is printed with what the client was given for that', async () => {
    const client = createClient({ print });
    const id = randomUUID();
    const receipt = await client.command(parsed(REGISTER), { id, name: 'Ada' });
    expect(receipt).toMatchObject({ version: 1 });
    const graphql = createFetch(client);
    await graphql(parsed(RENAME), { id, name: 'Grace' });
    const one = parsed<CustomerView, { id: string }>(CUSTOMER);
    // @ts-expect-error: this is no variable of the document
    await graphql(one, { nothing: id }).catch(() => undefined);
    const { data } = await client.query(one, { id });
    expect([data?.customer?.name, (await graphql(one, { id })).customer?.version]).toEqual(['Grace', 2]);
  });

  it('is refused if there is nothing to print it with', async () => {
    const refusal = { code: 'DOCUMENT_WITHOUT_TEXT', message: expect.stringContaining('print') };
    await expect(createClient().query(parsed(CUSTOMER))).rejects.toMatchObject(refusal);
  });
});

describe('the function for plain requests', () => {
  it('returns data that include what it has written', async () => {
    const client = createClient();
    const graphql = createFetch(client);
    const id = await register(client);
    await graphql(RENAME, { id, name: 'Grace' });
    expect((await graphql<CustomerView>(CUSTOMER, { id })).customer).toMatchObject({ name: 'Grace', version: 2 });
  });

  it('throws the first error with its code', async () => {
    const graphql = createFetch(createClient());
    await expect(graphql('# mutation\n{ nothing }')).rejects.toMatchObject({
      name: 'RequestError',
      code: 'BAD_USER_INPUT',
      message: expect.stringContaining('nothing'),
    });
  });
});
