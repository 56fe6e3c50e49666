import { describe, expect, it, onTestFinished } from 'vitest';
import { expectRequestError } from '../../../support/client/refusals.ts';
import { openShop, registerCustomer } from '../../../support/client/shop.ts';
import { stall } from '../../../support/postgres/stall.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';

/** Three reads may wait at a time. */
const app = useApp({ env: { MAX_WAITERS: '3' } });
const waiting = () => app.engine.projector.positions.waiting;

async function stalledCustomers(): Promise<() => Promise<void>> {
  const release = await stall(app.database, 'customers');
  onTestFinished(release);
  return release;
}

describe('a command whose read model lags', () => {
  it('is accepted: what may be null of `query` is null with the reason, the receipt arrives', async () => {
    const { customerId, productId } = await openShop(app);
    const release = await stalledCustomers();
    const query = `customer(id: "${customerId}") { name } product(id: "${productId}") { name }
      orders(first: 1) { edges { cursor } }`;
    const answer = await app.tryCommand<Record<string, unknown>>(
      'renameCustomer',
      { customerId, name: 'Bob' },
      { query },
    );
    const receipt = answer.data?.renameCustomer;
    expect(receipt).toMatchObject({ __typename: 'CommandReceipt', version: 2, replayed: false });
    expect(receipt?.query).toEqual({ customer: null, product: null, orders: { edges: [] } });
    expectRequestError(answer, 'CONSISTENCY_TIMEOUT');
    expect(answer.errors?.map(({ path }) => path)).toEqual([
      ['renameCustomer', 'query', 'customer'],
      ['renameCustomer', 'query', 'product'],
    ]);
    expect(answer.errors?.[0]?.extensions).toMatchObject({ projection: 'customers' });
    expect(answer.consistency).toEqual({ token: receipt?.token, stale: true });
    await release();
    const later = await app.query(
      `{ customer(id: "${customerId}") { name } }`,
      {},
      { headers: { 'read-after': receipt?.token ?? '' } },
    );
    expect(later.data).toEqual({ customer: { name: 'Bob' } });
  });

  it('does not wait if nothing is read, or nothing that lags', async () => {
    const { customerId, productId } = await openShop(app);
    await stalledCustomers();
    const query = `product(id: "${productId}") { name }`;
    const answer = await app.tryCommand('renameCustomer', { customerId, name: 'Bob' }, { query });
    expect(answer.errors).toBeUndefined();
    expect(answer.data?.renameCustomer).toMatchObject({ version: 2, query: { product: { name: 'Teapot' } } });
    expect(answer.consistency.stale).toBe(false);
    expect((await app.tryCommand('renameCustomer', { customerId, name: 'Cleo' })).consistency.stale).toBe(false);
  });

  it('is accepted even if too many reads wait already', async () => {
    const { customerId } = await openShop(app);
    await stalledCustomers();
    const { token } = await registerCustomer(app);
    const document = `query @readAfter(token: "${token}", timeoutMs: 10000) { customer(id: "${customerId}") { name } }`;
    const gone = new AbortController();
    const waiters = [1, 2, 3].map(() => app.query(document, {}, { signal: gone.signal }).catch(() => 'gone'));
    await until(() => waiting() === 3);
    const throttled = await app.query(document);
    expectRequestError(throttled, 'THROTTLED');
    expect(throttled.errors?.[0]?.extensions).toEqual({ code: 'THROTTLED', retryAfterMs: 500 });
    const query = `customer(id: "${customerId}") { name }`;
    const answer = await app.tryCommand<object>('renameCustomer', { customerId, name: 'Bob' }, { query });
    expect(answer.data?.renameCustomer).toMatchObject({ version: 2, query: { customer: null } });
    expectRequestError(answer, 'THROTTLED');
    expect(answer.consistency.stale).toBe(true);
    gone.abort();
    expect(await Promise.all(waiters)).toEqual(['gone', 'gone', 'gone']);
  });
});

describe('a client that goes away', () => {
  it('is not waited for any longer', async () => {
    const { customerId } = await openShop(app);
    const release = await stalledCustomers();
    const { token } = await registerCustomer(app);
    const document = `query @readAfter(token: "${token}", timeoutMs: 10000) { customer(id: "${customerId}") { name } }`;
    const gone = new AbortController();
    const answer = app.query(document, {}, { signal: gone.signal }).catch(() => 'gone');
    await until(() => waiting() === 1);
    gone.abort();
    expect(await answer).toBe('gone');
    await until(() => waiting() === 0, { deadline: 5000 });
    await release();
  });

  it('in the middle of a mutation has it accepted all the same', async () => {
    const { customerId } = await openShop(app);
    const release = await stalledCustomers();
    const gone = new AbortController();
    const query = `customer(id: "${customerId}") { name }`;
    const options = { query, signal: gone.signal };
    const answer = app.tryCommand('renameCustomer', { customerId, name: 'Bob' }, options).catch(() => 'gone');
    await until(() => waiting() === 1);
    gone.abort();
    expect(await answer).toBe('gone');
    await until(() => waiting() === 0, { deadline: 5000 });
    await release();
    expect(await app.command('renameCustomer', { customerId, name: 'Bob' })).toMatchObject({ version: 2 });
  });
});
