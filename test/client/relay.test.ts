import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  commitMutation,
  createOperationDescriptor,
  Environment,
  fetchQuery,
  RecordSource,
  requestSubscription,
  Store,
  type Variables,
} from 'relay-runtime';
import { afterAll, describe, expect, it } from 'vitest';
import { relayConfig, showLive } from '../../client/src/relay.ts';
import { registerCustomer } from '../support/client/shop.ts';
import { customerToken, staffToken, WITH_AUTH } from '../support/client/tokens.ts';
import { useApp } from '../support/server/app.ts';
import { until } from '../support/until.ts';
import { type CustomerView, RENAME } from './documents.ts';
import { compile } from './relay/compile.ts';
import { Line, register, useClients } from './support.ts';

const compiled = await compile();
afterAll(compiled.remove);

const app = useApp({ env: WITH_AUTH, fulfils: false });
const createClient = useClients(app);

function relay(auth: () => string | Promise<string> = () => staffToken()) {
  const line = new Line();
  const afterwrite = createClient({ auth, fetch: line.fetch });
  const environment = new Environment({
    ...relayConfig(afterwrite, { fields: { customer: 'Customer' }, sharedIds: ['Author'] }),
    store: new Store(new RecordSource()),
  });
  const operation = async (name: string, variables: Variables) =>
    createOperationDescriptor(await compiled.request(name), variables);
  /** What the store has for an operation. */
  const shown = async <Data>(name: string, variables: Variables) =>
    environment.lookup((await operation(name, variables)).fragment).data as unknown as Data;
  const read = async <Data>(name: string, variables: Variables) =>
    (await fetchQuery(environment, await compiled.request(name), variables).toPromise()) as Data;
  const mutate = async (name: string, variables: Variables, updates: object = {}) => {
    const mutation = await compiled.request(name);
    return new Promise((resolve, reject) => {
      commitMutation(environment, { mutation, variables, onCompleted: resolve, onError: reject, ...updates });
    });
  };
  const subscribe = async (name: string, variables: Variables) => {
    const messages: unknown[] = [];
    const subscription = await compiled.request(name);
    const onNext = (data: unknown) => void messages.push(data);
    const { dispose } = requestSubscription(environment, { subscription, variables, updater: showLive, onNext });
    return { messages, dispose };
  };
  const nameOf = async (id: string) => (await shown<CustomerView>('shopCustomerQuery', { id })).customer?.name;
  return { line, afterwrite, environment, operation, shown, read, mutate, subscribe, nameOf };
}

describe('Relay', () => {
  it('reads its own writes', async () => {
    const { afterwrite, read, mutate } = relay();
    const id = await register(afterwrite);
    for (let write = 1; write <= 10; write++) {
      await mutate('shopRenameMutation', { id, name: `Ada ${write}` });
      const { customer } = await read<CustomerView>('shopCustomerQuery', { id });
      expect(customer).toMatchObject({ name: `Ada ${write}`, version: write + 1 });
    }
  });

  it('shows what a mutation has written, by the query of its receipt', async () => {
    const { afterwrite, read, mutate, nameOf } = relay();
    const id = await register(afterwrite);
    await read('shopCustomerQuery', { id });
    await mutate('shopRenameAndReadMutation', { id, name: 'Grace' });
    expect(await nameOf(id)).toBe('Grace');
  });

  it('keeps the code and the message of a command that was refused', async () => {
    const { mutate } = relay();
    expect(await mutate('shopRenameMutation', { id: randomUUID(), name: 'Grace' })).toMatchObject({
      renameCustomer: { __typename: 'AggregateNotFound', code: 'AGGREGATE_NOT_FOUND', message: expect.any(String) },
    });
  });

  it('fails with the code of the server, and says which command was accepted nevertheless', async () => {
    const { afterwrite, mutate, read, line } = relay();
    const id = await register(afterwrite);
    await expect(mutate('shopRenameAndFailMutation', { id, name: 'Grace' })).rejects.toMatchObject({
      ...{ name: 'RequestError', code: 'BAD_USER_INPUT', accepted: [{ aggregateId: id, version: 2 }] },
    });
    line.isCut = true;
    await expect(read('shopCustomerQuery', { id })).rejects.toMatchObject({ code: 'UNREACHABLE' });
  });

  it('never shows an answer that was overtaken by a newer one', async () => {
    const { afterwrite, line, read, mutate, nameOf } = relay();
    const id = await register(afterwrite);
    const held = line.holdAnswer();
    const late = read<CustomerView>('shopCustomerQuery', { id });
    await held.answered;
    await mutate('shopRenameAndReadMutation', { id, name: 'Grace' });
    held.release();
    expect((await late).customer?.name).toBe('Grace');
    expect(await nameOf(id)).toBe('Grace');
  });

  it('never shows an answer that was overtaken by a live message', async () => {
    const { afterwrite, line, read, subscribe, nameOf } = relay();
    const id = await register(afterwrite);
    const { dispose } = await subscribe('shopCustomerSubscription', { id });
    await until(async () => (await nameOf(id)) === 'Ada');
    const held = line.holdAnswer();
    const late = read<CustomerView>('shopCustomerQuery', { id });
    await held.answered;
    await createClient({ auth: staffToken }).command(RENAME, { id, name: 'Grace' });
    await until(async () => (await nameOf(id)) === 'Grace');
    held.release();
    expect((await late).customer?.name).toBe('Grace');
    dispose();
    expect(await nameOf(id)).toBe('Grace');
  });

  it('adds the next page to a list, and keeps the list live', async () => {
    const { afterwrite, environment, read, subscribe } = relay();
    for (const name of ['1', '2', '3']) await register(afterwrite, name);
    await read('shopListQuery', { first: 2 });
    const source = environment.getStore().getSource();
    const at = (id: string) => (source.get(id) ?? {}) as Record<string, unknown>;
    /** The list as components with `@connection` show it. */
    const connection = () => linked('client:root', '__shop_customers_connection(sort:"REGISTERED_AT_DESC")');
    const linked = (id: string, field: string) => at((at(id)[field] as { readonly __ref: string }).__ref);
    const names = () => {
      const { __refs: edges } = connection().edges as { readonly __refs: readonly string[] };
      return edges.map((edge) => linked(edge, 'node').name);
    };
    const nextPage = () => {
      const { endCursor: after } = at((connection().pageInfo as { readonly __ref: string }).__ref);
      return read('shopListQuery', { first: 1, after });
    };
    expect(names()).toEqual(['3', '2']);
    await nextPage();
    expect(names()).toEqual(['3', '2', '1']);
    const { dispose } = await subscribe('shopListSubscription', { first: 3 });
    await registerCustomer(app, { name: '4' }, { token: await staffToken() });
    await until(() => names()[0] === '4');
    expect(names()).toEqual(['4', '3', '2']);
    await nextPage();
    expect(names()).toEqual(['4', '3', '2', '1']);
    dispose();
  });

  it('finds objects by their ids in the store', async () => {
    const { afterwrite, environment, operation, read, shown } = relay();
    const id = await register(afterwrite);
    await read('shopCustomerQuery', { id });
    const node = await operation('shopNodeQuery', { id });
    expect(environment.check(node).status).toBe('available');
    expect(await shown('shopNodeQuery', { id })).toMatchObject({ node: { id, name: 'Ada', version: 1 } });
    expect(environment.check(await operation('shopNodeQuery', { id: randomUUID() })).status).toBe('missing');
  });

  it('keeps a customer and an author with the same id apart', async () => {
    const id = randomUUID();
    const token = await customerToken(id);
    const { environment, operation, read, shown } = relay(() => token);
    await registerCustomer(app, { id, name: 'Ada' }, { token });
    await app.command('registerAuthor', { id, displayName: 'Lovelace' }, { token });
    await until(async () => (await read<{ author: unknown }>('shopAuthorQuery', { id })).author);
    await until(async () => (await read<CustomerView>('shopCustomerQuery', { id })).customer);
    expect(await shown('shopAuthorQuery', { id })).toEqual({
      author: { __typename: 'Author', id, displayName: 'Lovelace' },
    });
    expect(await shown('shopCustomerQuery', { id })).toMatchObject({ customer: { id, name: 'Ada' } });
    // The store cannot tell which one is meant, and the server can.
    expect(environment.check(await operation('shopNodeQuery', { id })).status).toBe('missing');
    expect(await read('shopNodeQuery', { id })).toMatchObject({ node: { id, name: 'Ada' } });
  });
});

describe('relay-compiler with the configuration of the manual', () => {
  it('knows the types of money and tokens', () => {
    const made = (name: string) => readFileSync(join(compiled.folder, `${name}.graphql.ts`), 'utf8');
    expect(made('shopMoneyQuery')).toMatch(/readonly amount: number;/);
    expect(made('shopListSubscription')).toMatch(/after\?: string \| null/);
  });
});
