import { randomUUID } from 'node:crypto';
import { UnsecuredJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectAbsent, expectRequestError } from '../../../support/client/refusals.ts';
import { ADDRESS, accepted, placeOrder, registerCustomer, registerProduct } from '../../../support/client/shop.ts';
import { accessToken, customerToken, staffToken, WITH_AUTH } from '../../../support/client/tokens.ts';
import { eventsOf, logSize } from '../../../support/kernel/log.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp({ env: { ...WITH_AUTH, AUTH_ISSUER: '' }, fulfils: false });

let staff: string;
let ada: { id: string; token: string; orderId: string };
let bob: typeof ada;
let productId: string;
/** A token after which all of this is there. */
let after: string;

beforeAll(async () => {
  staff = await staffToken();
  productId = (await registerProduct(app, {}, { token: staff })).aggregateId;
  const join = async (name: string) => {
    const id = randomUUID();
    const token = await customerToken(id);
    await registerCustomer(app, { id, name }, { token });
    const order = await placeOrder(app, { customerId: id, productId }, {}, { token });
    after = order.token;
    return { id, token, orderId: order.aggregateId };
  };
  ada = await join('Ada');
  bob = await join('Bob');
});

const read = (query: string, token?: string, variables = {}) =>
  app.query<Record<string, unknown>>(query, variables, { token, headers: { 'read-after': after } });

describe('a customer', () => {
  it('sees their own rows and nobody else’s', async () => {
    const query = `query ($id: ID!, $order: ID!) {
      customer(id: $id) { name orders { edges { node { id } } } }
      order(id: $order) { id customer { name } items { product { name } } }
      product(id: "${productId}") { name }
    }`;
    const own = await read(query, ada.token, { id: ada.id, order: ada.orderId });
    expect(own.errors).toBeUndefined();
    expect(own.data).toEqual({
      customer: { name: 'Ada', orders: { edges: [{ node: { id: ada.orderId } }] } },
      order: { id: ada.orderId, customer: { name: 'Ada' }, items: [{ product: { name: 'Teapot' } }] },
      product: { name: 'Teapot' },
    });
    const others = await read(query, ada.token, { id: bob.id, order: bob.orderId });
    expect(others.errors).toBeUndefined();
    expect(others.data).toEqual({ customer: null, order: null, product: { name: 'Teapot' } });
  });

  it('finds, filters, searches and counts among their own orders only', async () => {
    const orders = async (args: string) => {
      const { data } = await read(`{ orders${args} { edges { node { id } } } }`, ada.token);
      return (data as { orders: { edges: { node: { id: string } }[] } }).orders.edges.map(({ node }) => node.id);
    };
    expect(await orders('')).toEqual([ada.orderId]);
    expect(await orders('(sort: TOTAL_DESC, last: 100)')).toEqual([ada.orderId]);
    expect(await orders(`(filter: { customerId: "${bob.id}" })`)).toEqual([]);
    expect(await orders('(filter: { search: "bob" })')).toEqual([]);
    expect(await orders(`(filter: { search: "${bob.orderId}" })`)).toEqual([]);
    const { data } = await read('{ orderStatistics(currency: "GBP") { status count revenue { amount } } }', ada.token);
    expect(data).toEqual({ orderStatistics: [{ status: 'PLACED', count: 1, revenue: { amount: 3998 } }] });
  });

  it('reads no more than that through the receipt of a command', async () => {
    const query = `own: customer(id: "${ada.id}") { name } other: customer(id: "${bob.id}") { name }
      orders { edges { node { id } } }`;
    const receipt = await app.command(
      'renameCustomer',
      { customerId: ada.id, name: 'Ada' },
      { token: ada.token, query },
    );
    expect(receipt.query).toEqual({
      own: { name: 'Ada' },
      other: null,
      orders: { edges: [{ node: { id: ada.orderId } }] },
    });
  });

  it.each([
    ['registerCustomer', () => ({ id: randomUUID(), name: 'X', email: 'x@example.org' })],
    ['registerCustomer', () => ({ name: 'X', email: 'x@example.org' })],
    ['registerProduct', () => ({ sku: 'X', name: 'X', price: { amount: 1, currency: 'GBP' } })],
    ['changeProductPrice', () => ({ productId, price: { amount: 1, currency: 'GBP' } })],
    ['receiveStock', () => ({ productId, quantity: 1 })],
    ['placeOrder', () => ({ customerId: bob.id, items: [{ productId, quantity: 1 }], shippingAddress: ADDRESS })],
    ['confirmOrder', () => ({ orderId: ada.orderId })],
    ['shipOrder', () => ({ orderId: ada.orderId, carrier: 'UPS', trackingNumber: '1' })],
  ])('may not issue %s for others or in place of staff', async (mutation, input) => {
    const before = await logSize(app.database);
    const answer = await app.tryCommand(mutation, input(), { token: ada.token });
    expectRequestError(answer, 'FORBIDDEN');
    expect(await logSize(app.database)).toEqual(before);
  });

  it.each([
    ['renameCustomer', () => ({ customerId: bob.id, name: 'X' })],
    ['addOrderItem', () => ({ orderId: bob.orderId, productId, quantity: 1 })],
    ['removeOrderItem', () => ({ orderId: bob.orderId, productId })],
    ['confirmDelivery', () => ({ orderId: bob.orderId })],
    ['cancelOrder', () => ({ orderId: bob.orderId, reason: 'Spite.' })],
  ])('is answered by %s on what is another’s as if it were not there', async (mutation, input) => {
    const before = await logSize(app.database);
    expectAbsent(await app.tryCommand(mutation, input(), { token: ada.token }), mutation);
    expect(await logSize(app.database)).toEqual(before);
  });

  it('may do with their own order what customers may do', async () => {
    const other = await registerProduct(app, {}, { token: staff });
    const { aggregateId: orderId } = await placeOrder(app, { customerId: ada.id, productId }, {}, { token: ada.token });
    const options = { token: ada.token };
    await accepted(app, 'addOrderItem', { orderId, productId: other.aggregateId, quantity: 1 }, options);
    await accepted(app, 'removeOrderItem', { orderId, productId }, options);
    await accepted(app, 'cancelOrder', { orderId, reason: 'Changed my mind.' }, options);
    const events = await eventsOf(app.database, orderId);
    expect(events.map(({ metadata }) => metadata.actor)).toEqual(Array(4).fill({ id: ada.id, roles: ['customer'] }));
  });

  it('is the same actor even if the identity provider writes the id in capital letters', async () => {
    const id = randomUUID();
    const token = await customerToken(id.toUpperCase());
    const receipt = await registerCustomer(app, { id, name: 'Cleo' }, { token });
    expect(receipt).toMatchObject({ aggregateId: id });
    const order = await placeOrder(app, { customerId: id, productId }, {}, { token });
    await accepted(app, 'cancelOrder', { orderId: order.aggregateId, reason: 'No.' }, { token });
    const options = { token, headers: { 'read-after': receipt.token } };
    const { data } = await app.query(`{ customer(id: "${id}") { name } }`, {}, options);
    expect(data).toEqual({ customer: { name: 'Cleo' } });
  });

  it('whose id is no customer’s sees nothing, and is not in the way', async () => {
    for (const name of ['ada', "'; drop table read.orders_v3; --", 'auth0|5f7c8ec7c33c6c004bbafe82']) {
      const token = await customerToken(name);
      const answer = await read(`{ customer(id: "${ada.id}") { name } orders { edges { cursor } } }`, token);
      expect(answer.errors).toBeUndefined();
      expect(answer.data).toEqual({ customer: null, orders: { edges: [] } });
    }
  });

  it('answered the receipt of somebody else’s command id learns nothing of it', async () => {
    const commandId = randomUUID();
    await accepted(app, 'cancelOrder', { orderId: bob.orderId, reason: 'No.' }, { token: bob.token, commandId });
    const answer = await app.tryCommand(
      'cancelOrder',
      { orderId: bob.orderId, reason: 'No.' },
      { token: ada.token, commandId },
    );
    expect(answer.data?.cancelOrder).toMatchObject({ code: 'COMMAND_ID_REUSED' });
  });
});

describe('staff', () => {
  it('sees everything and may run the shop', async () => {
    const { data, errors } = await read(
      `{ customer(id: "${bob.id}") { name } order(id: "${ada.orderId}") { status } }`,
      staff,
    );
    expect(errors).toBeUndefined();
    expect(data).toEqual({ customer: { name: 'Bob' }, order: { status: 'PLACED' } });
    const order = await placeOrder(app, { customerId: bob.id, productId }, {}, { token: staff });
    await accepted(app, 'confirmOrder', { orderId: order.aggregateId }, { token: staff });
    expect((await eventsOf(app.database, order.aggregateId))[1]?.metadata.actor).toEqual({
      id: 'clerk',
      roles: ['staff'],
    });
  });

  it('cannot be claimed to be the system itself', async () => {
    const token = await accessToken('mallory', ['system']);
    expectRequestError(await app.tryCommand('receiveStock', { productId, quantity: 1 }, { token }), 'FORBIDDEN');
    expectRequestError(await read('{ orders { edges { cursor } } }', token), 'FORBIDDEN');
  });
});

describe('nobody', () => {
  it('may read data that everybody may see', async () => {
    const { data, errors } = await read(`{ product(id: "${productId}") { name } projections { name } }`);
    expect(errors).toBeUndefined();
    expect(data).toMatchObject({ product: { name: 'Teapot' } });
  });

  it('is not told how many events there are, only how far behind read models are', async () => {
    type Status = { position: number; head: number; lag: number; rebuild: object | null };
    const ask = async (token?: string) => {
      const { data } = await read('{ projections { position head lag rebuild { position } } }', token);
      return (data as { projections: Status[] }).projections;
    };
    for (const { position, head, lag, rebuild } of await ask()) {
      expect({ position, head, rebuild }).toEqual({ position: 0, head: lag, rebuild: null });
    }
    for (const { position } of await ask(ada.token)) expect(position).toBeGreaterThan(0);
  });

  it.each(['orders { edges { cursor } }', 'orderStatistics(currency: "GBP") { count }'])(
    'is asked to sign in for %s',
    async (field) => {
      expectRequestError(await read(`{ ${field} }`), 'UNAUTHENTICATED');
    },
  );

  it('is asked to sign in for a customer and an order, which are null', async () => {
    const answer = await read(
      `{ customer(id: "${ada.id}") { name } order(id: "${ada.orderId}") { id } product(id: "${productId}") { name } }`,
    );
    expectRequestError(answer, 'UNAUTHENTICATED');
    expect(answer.data).toEqual({ customer: null, order: null, product: { name: 'Teapot' } });
  });

  it('may issue no command', async () => {
    const before = await logSize(app.database);
    const answer = await app.tryCommand('registerCustomer', { name: 'X', email: 'x@example.org' });
    expectRequestError(answer, 'UNAUTHENTICATED');
    expect(answer.errors?.[0]?.message).toBe('Sign in to issue registerCustomer.');
    expect(await logSize(app.database)).toEqual(before);
  });
});

describe('credentials that are not acceptable', () => {
  it.each([
    ['expired', () => accessToken(ada.id, ['staff'], { expiresAt: new Date(Date.now() - 3_600_000) })],
    ['forged', () => accessToken(ada.id, ['admin'], { secret: 'another secret of more than thirty-two bytes' })],
    ['not signed', async () => new UnsecuredJWT({ roles: ['admin'] }).setSubject(ada.id).encode()],
    ['no token', async () => 'nonsense'],
    ['without a bearer', () => accessToken('', ['admin'])],
  ])('(%s) are UNAUTHENTICATED, whatever is asked', async (_, make) => {
    const token = await make();
    const before = await logSize(app.database);
    const answers = [
      await app.query('{ projections { name } }', {}, { token }),
      await app.tryCommand('receiveStock', { productId, quantity: 1 }, { token }),
    ];
    for (const answer of answers) {
      expectRequestError(answer, 'UNAUTHENTICATED');
      expect(answer.data).toBeFalsy();
      expect(answer.text).not.toContain(ada.id);
    }
    expect(await logSize(app.database)).toEqual(before);
  });

  it('are so in any other scheme', async () => {
    const headers = { authorization: 'Basic YWRhOmFkYQ==' };
    expectRequestError(await app.query('{ projections { name } }', {}, { headers }), 'UNAUTHENTICATED');
  });

  it('never get into the log', async () => {
    await app.query('{ projections { name } }', {}, { token: 'a-secret-that-is-no-token' });
    expect(app.log.join('')).not.toContain('a-secret-that-is-no-token');
    expect(app.log.join('')).not.toContain(ada.token);
  });
});
