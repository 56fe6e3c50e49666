import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectRequestError } from '../../../support/client/refusals.ts';
import { accepted, openShop, placeOrder, type Shop } from '../../../support/client/shop.ts';
import { stall } from '../../../support/postgres/stall.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';

const app = useApp();
let shop: Shop;
/** Position of an event that `customers` cannot apply, and that all others have applied. */
let token: string;
let release: () => Promise<void>;

beforeEach(async () => {
  shop = await openShop(app);
  const order = await placeOrder(app, shop);
  await caughtUp(order.token, 'customers', 'products', 'orders');
  release = await stall(app.database, 'customers');
  ({ token } = await accepted(app, 'renameCustomer', { customerId: shop.customerId, name: 'Countess' }));
  await caughtUp(token, 'products', 'orders');
});
afterEach(() => release());

const caughtUp = (reached: string, ...names: string[]) =>
  until(() => names.every((name) => app.engine.projector.positions.of(name) >= app.engine.tokens.decode(reached)));

const NAME = `query ($id: ID!, $token: ConsistencyToken!, $timeoutMs: Int, $onTimeout: OnTimeout)
  @readAfter(token: $token, timeoutMs: $timeoutMs, onTimeout: $onTimeout) { customer(id: $id) { name } }`;

describe('a query whose read model does not get there in time', () => {
  it('answers CONSISTENCY_TIMEOUT with the facts, and no data', async () => {
    const answer = await app.query(NAME, { id: shop.customerId, token, timeoutMs: 30 });
    expectRequestError(answer, 'CONSISTENCY_TIMEOUT');
    expect(answer.data).toBeUndefined();
    const required = app.engine.tokens.decode(token);
    expect(answer.errors?.[0]?.extensions).toEqual({
      code: 'CONSISTENCY_TIMEOUT',
      projection: 'customers',
      required,
      current: app.engine.projector.positions.of('customers'),
      state: 'RUNNING',
    });
    expect(answer.errors?.[0]?.extensions.current).toBeLessThan(required);
    expect(answer.errors?.[0]?.message).toContain('Read again, or with onTimeout: STALE.');
  });

  it('answers the available data with STALE, and says so', async () => {
    const answer = await app.query(NAME, { id: shop.customerId, token, timeoutMs: 30, onTimeout: 'STALE' });
    expect(answer.errors).toBeUndefined();
    expect(answer.data).toEqual({ customer: { name: 'Ada' } });
    expect(answer.consistency.stale).toBe(true);
    expect(app.engine.tokens.decode(answer.consistency.token)).toBeLessThan(app.engine.tokens.decode(token));
  });

  it('does not wait at all with timeoutMs: 0', async () => {
    expectRequestError(await app.query(NAME, { id: shop.customerId, token, timeoutMs: 0 }), 'CONSISTENCY_TIMEOUT');
    const stale = await app.query(NAME, { id: shop.customerId, token, timeoutMs: 0, onTimeout: 'STALE' });
    expect(stale).toMatchObject({ data: { customer: { name: 'Ada' } }, consistency: { stale: true } });
  });

  it('takes the defaults that the document gives its variables', async () => {
    const query = `query ($id: ID!, $token: ConsistencyToken!, $timeoutMs: Int = 20, $onTimeout: OnTimeout = STALE)
      @readAfter(token: $token, timeoutMs: $timeoutMs, onTimeout: $onTimeout) { customer(id: $id) { name } }`;
    const answer = await app.query(query, { id: shop.customerId, token });
    expect(answer).toMatchObject({ data: { customer: { name: 'Ada' } }, consistency: { stale: true } });
  });

  it('waits two seconds by default, and also for tokens in the header', async () => {
    const [directive, header] = await Promise.all([
      app.query(NAME, { id: shop.customerId, token }),
      app.query(
        'query ($id: ID!) { customer(id: $id) { name } }',
        { id: shop.customerId },
        { headers: { 'read-after': token } },
      ),
    ]);
    expectRequestError(directive, 'CONSISTENCY_TIMEOUT');
    expectRequestError(header, 'CONSISTENCY_TIMEOUT');
  });

  it('is as strict as the strictest of its tokens', async () => {
    const query = `query ($id: ID!, $token: ConsistencyToken!) @readAfter(token: $token, timeoutMs: 20, onTimeout: STALE)
      @readAfter(token: $token, timeoutMs: 20) { customer(id: $id) { name } }`;
    expectRequestError(await app.query(query, { id: shop.customerId, token }), 'CONSISTENCY_TIMEOUT');
  });

  it('is answered as soon as it gets there', async () => {
    const answer = app.query(NAME, { id: shop.customerId, token, timeoutMs: 10_000 });
    await until(() => app.engine.projector.positions.waiting > 0);
    await release();
    expect((await answer).data).toEqual({ customer: { name: 'Countess' } });
    expect(app.engine.projector.positions.waiting).toBe(0);
  });

  it('reads the available data without a token, without waiting', async () => {
    const answer = await app.query('query ($id: ID!) { customer(id: $id) { name } }', { id: shop.customerId });
    expect(answer).toMatchObject({ data: { customer: { name: 'Ada' } }, consistency: { stale: false } });
  });
});
