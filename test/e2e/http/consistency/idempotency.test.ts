import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { openShop, placeOrder, registerCustomer } from '../../../support/client/shop.ts';
import { eventsOf, logSize } from '../../../support/kernel/log.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp({ fulfils: false });

describe('a commandId', () => {
  it('sent again with the same input answers the first receipt, and nothing happens twice', async () => {
    const commandId = randomUUID();
    const input = { name: 'Ada', email: 'ada@example.org' };
    const first = await app.command('registerCustomer', input, { commandId });
    const before = await logSize(app.database);
    const second = await app.tryCommand('registerCustomer', input, { commandId });
    expect(second.data?.registerCustomer).toEqual({ ...first, replayed: true });
    expect(second.consistency.token).toBe(first.token);
    expect(await logSize(app.database)).toEqual(before);
  });

  it('is the same in capital letters', async () => {
    const commandId = randomUUID();
    const first = await registerCustomer(app, {}, { commandId });
    const again = await registerCustomer(app, {}, { commandId: commandId.toUpperCase() });
    expect(again).toEqual({ ...first, replayed: true });
  });

  it('and other ids are UUIDs of whatever version and variant', async () => {
    const id = '11111111-1111-1111-1111-111111111111';
    const receipt = await registerCustomer(app, { id }, { commandId: id });
    expect(receipt).toMatchObject({ commandId: id, aggregateId: id });
    const answer = await app.query(`query @readAfter(token: "${receipt.token}") { customer(id: "${id}") { name } }`);
    expect(answer.data).toEqual({ customer: { name: 'Ada' } });
  });

  it('answers the first receipt also when the command could not be accepted any more', async () => {
    const { aggregateId: orderId } = await placeOrder(app, await openShop(app));
    const commandId = randomUUID();
    const first = await app.command('cancelOrder', { orderId, reason: 'Changed my mind.' }, { commandId });
    expect(await app.command('cancelOrder', { orderId, reason: 'Changed my mind.' }, { commandId })).toEqual({
      ...first,
      replayed: true,
    });
    expect(await app.command('cancelOrder', { orderId, reason: 'Changed my mind.' })).toMatchObject({
      code: 'ORDER_CANCELLED',
    });
  });

  it('sent again with another input, or for another command, is CommandIdReused', async () => {
    const commandId = randomUUID();
    const { aggregateId } = await registerCustomer(app, {}, { commandId });
    const before = await logSize(app.database);
    const reused = { __typename: 'CommandIdReused', code: 'COMMAND_ID_REUSED', commandId };
    expect(
      await app.command('registerCustomer', { name: 'Bob', email: 'bob@example.org' }, { commandId }),
    ).toMatchObject(reused);
    expect(await app.command('renameCustomer', { customerId: aggregateId, name: 'Bob' }, { commandId })).toMatchObject(
      reused,
    );
    expect(await logSize(app.database)).toEqual(before);
  });

  it('sent many times at the same moment takes effect once', async () => {
    const commandId = randomUUID();
    const id = randomUUID();
    const receipts = await Promise.all(Array.from({ length: 12 }, () => registerCustomer(app, { id }, { commandId })));
    expect(receipts.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(receipts.map(({ token, aggregateId, version }) => `${token} ${aggregateId} ${version}`)).size).toBe(
      1,
    );
    expect(await eventsOf(app.database, id)).toMatchObject([{ type: 'CustomerRegistered', commandId }]);
  });

  it('takes effect once even if each of them leaves the new id to the server', async () => {
    const commandId = randomUUID();
    const before = await logSize(app.database);
    const receipts = await Promise.all(Array.from({ length: 6 }, () => registerCustomer(app, {}, { commandId })));
    expect(new Set(receipts.map(({ aggregateId }) => aggregateId)).size).toBe(1);
    expect((await logSize(app.database)).events).toBe(before.events + 1);
  });
});

describe('expectedVersion', () => {
  it('lets a command through if the stream is at that version', async () => {
    const { aggregateId: customerId } = await registerCustomer(app, {}, { expectedVersion: 0 });
    const renamed = await app.command('renameCustomer', { customerId, name: 'Bob' }, { expectedVersion: 1 });
    expect(renamed).toMatchObject({ __typename: 'CommandReceipt', version: 2 });
  });

  it('makes it a ConcurrencyConflict with both versions otherwise', async () => {
    const { aggregateId: customerId } = await registerCustomer(app);
    const before = await logSize(app.database);
    for (const expectedVersion of [0, 2, 2 ** 31 - 1]) {
      const conflict = await app.command('renameCustomer', { customerId, name: 'Bob' }, { expectedVersion });
      expect(conflict).toMatchObject({
        __typename: 'ConcurrencyConflict',
        code: 'CONCURRENCY_CONFLICT',
        expectedVersion,
        actualVersion: 1,
      });
      expect(conflict.message).toContain('at 1');
    }
    expect(await logSize(app.database)).toEqual(before);
  });

  it('lets one of many through who all read the same version', async () => {
    const { aggregateId: customerId } = await registerCustomer(app);
    const names = Array.from({ length: 8 }, (_, n) => `Name ${n}`);
    const answers = await Promise.all(
      names.map((name) => app.command('renameCustomer', { customerId, name }, { expectedVersion: 1 })),
    );
    const kinds = answers.map(({ __typename }) => __typename).sort();
    expect(kinds).toEqual(['CommandReceipt', ...Array(7).fill('ConcurrencyConflict')].sort());
  });

  it('left out lets everybody through, one after the other', async () => {
    const { aggregateId: customerId } = await registerCustomer(app);
    const names = Array.from({ length: 8 }, (_, n) => `Name ${n}`);
    const answers = await Promise.all(names.map((name) => app.command('renameCustomer', { customerId, name })));
    expect(answers.map(({ version }) => version).sort((a, b) => a - b)).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
  });
});

describe('an aggregate that is not there', () => {
  it.each([
    ['renameCustomer', 'customerId', { name: 'Bob' }, 'Customer'],
    ['changeProductPrice', 'productId', { price: { amount: 1, currency: 'GBP' } }, 'Product'],
    ['receiveStock', 'productId', { quantity: 1 }, 'Product'],
    ['removeOrderItem', 'orderId', { productId: randomUUID() }, 'Order'],
    ['confirmOrder', 'orderId', {}, 'Order'],
    ['shipOrder', 'orderId', { carrier: 'UPS', trackingNumber: '1' }, 'Order'],
    ['confirmDelivery', 'orderId', {}, 'Order'],
    ['cancelOrder', 'orderId', { reason: 'No.' }, 'Order'],
  ])('answers %s with AggregateNotFound and its id', async (name, key, rest, aggregate) => {
    const id = randomUUID();
    expect(await app.command(name, { [key]: id, ...rest })).toEqual({
      __typename: 'AggregateNotFound',
      code: 'AGGREGATE_NOT_FOUND',
      message: `There is no ${aggregate} ${id}.`,
      aggregateId: id,
    });
  });

  it('answers addOrderItem with AggregateNotFound if the product exists', async () => {
    const { productId } = await openShop(app);
    const orderId = randomUUID();
    expect(await app.command('addOrderItem', { orderId, productId, quantity: 1 })).toMatchObject({
      __typename: 'AggregateNotFound',
      aggregateId: orderId,
    });
  });
});
