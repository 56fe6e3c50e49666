import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { registerCustomer } from '../../../../src/domains/customers/index.ts';
import { confirmOrder, placeOrder, shipOrder } from '../../../../src/domains/orders/index.ts';
import { registerProduct } from '../../../../src/domains/products/index.ts';
import type { Command } from '../../../../src/kernel/define/command.ts';
import { expectRequestError } from '../../../support/client/refusals.ts';
import { ADDRESS, accepted, openShop } from '../../../support/client/shop.ts';
import { receiptOf } from '../../../support/kernel/appends.ts';
import { system } from '../../../support/kernel/counter.ts';
import { useApp } from '../../../support/server/app.ts';

// Only these commands change an order.
const app = useApp({ fulfils: false });

const ORDER =
  'status version placedAt updatedAt itemCount carrier total { amount } items { quantity product { name } } customer { name } stale';
interface ShownOrder {
  readonly status: string;
  readonly version: number;
  readonly placedAt: string;
  readonly updatedAt: string;
  readonly itemCount: number;
}

/** An order as it was, at or after what the last command has done. */
async function orderAsOf(id: string, moment: { at?: Date | string; version?: number }): Promise<ShownOrder | null> {
  const query = `query ($id: ID!, $at: DateTime, $version: Int) { orderAsOf(id: $id, at: $at, version: $version) { ${ORDER} } }`;
  const answer = await app.query<{ orderAsOf: ShownOrder | null }>(
    query,
    { id, ...moment },
    { headers: { 'read-after': token } },
  );
  expect(answer.errors, answer.text).toBeUndefined();
  expect(answer.consistency.stale).not.toBe(true);
  return answer.data.orderAsOf;
}
async function orderNow(id: string): Promise<ShownOrder> {
  const query = `query ($id: ID!) { order(id: $id) { ${ORDER} } }`;
  const answer = await app.query<{ order: ShownOrder }>(query, { id }, { headers: { 'read-after': token } });
  return answer.data.order;
}
const justBefore = (time: string, ms = 1) => new Date(new Date(time).getTime() - ms);

let token = '';
/** An order and how it was after each of its commands. */
let orderId: string;
const seen: ShownOrder[] = [];

beforeAll(async () => {
  const { customerId, productId } = await openShop(app);
  const items = [{ productId, quantity: 2 }];
  const run = async (name: string, input: object) => {
    const receipt = await accepted(app, name, { ...input });
    token = receipt.token;
    orderId = receipt.aggregateId;
    seen.push(await orderNow(orderId));
  };
  await run('placeOrder', { customerId, items, shippingAddress: ADDRESS });
  const order = { orderId: seen.length > 0 ? orderId : '' };
  await run('addOrderItem', { ...order, productId, quantity: 3 });
  await run('confirmOrder', order);
  await run('shipOrder', { ...order, carrier: 'Royal Mail', trackingNumber: 'RM-1' });
});

describe('orderAsOf', () => {
  it('is the order as it was in each version, the present one too', async () => {
    expect(seen.map(({ status, itemCount }) => [status, itemCount])).toEqual([
      ['PLACED', 2],
      ['PLACED', 5],
      ['CONFIRMED', 5],
      ['SHIPPED', 5],
    ]);
    for (const [nth, order] of seen.entries()) expect(await orderAsOf(orderId, { version: nth + 1 })).toEqual(order);
  });

  it('is null in a version that there is not, or not yet', async () => {
    for (const version of [0, -1, seen.length + 1, 2 ** 31 - 1])
      expect(await orderAsOf(orderId, { version })).toBeNull();
  });

  it('is the order as it was at the times that its versions tell, to the millisecond', async () => {
    const [first] = seen;
    expect(await orderAsOf(orderId, { at: justBefore(first?.placedAt ?? '') })).toBeNull();
    for (const { updatedAt } of seen) {
      const last = seen.findLast((order) => order.updatedAt === updatedAt);
      expect(await orderAsOf(orderId, { at: updatedAt })).toEqual(last);
      const earlier = seen.findLast((order) => order.updatedAt < updatedAt) ?? null;
      expect(await orderAsOf(orderId, { at: justBefore(updatedAt) })).toEqual(earlier);
      expect(await orderAsOf(orderId, { at: updatedAt.replace('Z', '999Z') })).toEqual(last);
    }
    expect(await orderAsOf(orderId, { at: '9999-12-31T23:59:59.999Z' })).toEqual(seen.at(-1));
    expect(await orderAsOf(orderId, { at: '0001-01-01T00:00:00Z' })).toBeNull();
  });

  it('is right for orders that happened long ago, several changes at one instant included', async () => {
    const day = (n: number, ms = 0) => new Date(Date.UTC(2010, 11, n, 8, 26, 0, ms));
    const execute = async (command: Command, input: object, occurredAt: Date) =>
      receiptOf(await app.engine.bus.executeUnchecked(command, input, { ...system, occurredAt }));
    const customer = await execute(registerCustomer, { name: 'Bob', email: 'bob@example.org' }, day(1));
    const price = { amount: 255, currency: 'GBP' };
    const product = await execute(registerProduct, { sku: '85123A', name: 'Holder', price }, day(1));
    const items = [{ productId: product.aggregateId, quantity: 6 }];
    const placing = { customerId: customer.aggregateId, items, shippingAddress: ADDRESS };
    const { aggregateId: id } = await execute(placeOrder, placing, day(2));
    const order = { orderId: id };
    await execute(confirmOrder, order, day(2));
    const shipped = await execute(shipOrder, { ...order, carrier: 'Parcelforce', trackingNumber: '1' }, day(5));
    token = app.engine.tokens.encode(shipped.position);
    const statusAt = async (at: Date) => (await orderAsOf(id, { at }))?.status ?? null;
    expect(await statusAt(day(1, 999))).toBeNull();
    expect(await statusAt(justBefore(day(2).toISOString()))).toBeNull();
    // It was placed and confirmed at the same instant: no time shows it as placed, its version does.
    expect(await statusAt(day(2))).toBe('CONFIRMED');
    expect((await orderAsOf(id, { version: 1 }))?.status).toBe('PLACED');
    expect(await statusAt(justBefore(day(5).toISOString()))).toBe('CONFIRMED');
    expect(await statusAt(day(5))).toBe('SHIPPED');
    expect(await statusAt(new Date())).toBe('SHIPPED');
  });

  it('leads to the customer and the products as they are now', async () => {
    const [first] = seen as unknown as { customer: { name: string } }[];
    const shop = await app.query<{ order: { customer: { id: string } } }>(
      `{ order(id: "${orderId}") { customer { id } } }`,
    );
    const { customer } = shop.data.order;
    ({ token } = await accepted(app, 'renameCustomer', { customerId: customer.id, name: 'Ada Lovelace' }));
    expect(await orderAsOf(orderId, { version: 1 })).toMatchObject({ ...first, customer: { name: 'Ada Lovelace' } });
  });

  it('is null for an order that there is not', async () => {
    expect(await orderAsOf(randomUUID(), { version: 1 })).toBeNull();
    expect(await orderAsOf(randomUUID(), { at: new Date() })).toBeNull();
  });
});

describe('noteAsOf', () => {
  it('is the note as it was, by time and by version, through undo too', async () => {
    const titles: (readonly [title: string, tags: readonly string[], at: string])[] = [];
    let noteId = '';
    for (const [name, input] of [
      ['createNote', { title: 'One', content: 'a', tags: ['x'] }],
      ['renameNote', { title: 'Two' }],
      ['tagNote', { tag: 'y' }],
      ['revertNote', { version: 1 }],
    ] as const) {
      const receipt = await accepted(app, name, name === 'createNote' ? input : { noteId, ...input });
      noteId = receipt.aggregateId;
      token = receipt.token;
      const query = `{ note(id: "${noteId}") { title tags updatedAt } }`;
      const answer = await app.query<{ note: { title: string; tags: string[]; updatedAt: string } }>(
        query,
        {},
        { headers: { 'read-after': token } },
      );
      const { title, tags, updatedAt } = answer.data.note;
      titles.push([title, tags, updatedAt]);
    }
    const asOf = async (moment: string) => {
      const answer = await app.query<{ noteAsOf: { title: string; tags: string[]; updatedAt: string } | null }>(
        `{ noteAsOf(id: "${noteId}", ${moment}) { title tags updatedAt } }`,
      );
      expect(answer.errors, answer.text).toBeUndefined();
      const note = answer.data.noteAsOf;
      return note && [note.title, note.tags, note.updatedAt];
    };
    expect(titles.map(([title, tags]) => [title, tags])).toEqual([
      ['One', ['x']],
      ['Two', ['x']],
      ['Two', ['x', 'y']],
      ['One', ['x']],
    ]);
    for (const [nth, note] of titles.entries()) {
      expect(await asOf(`version: ${nth + 1}`)).toEqual(note);
      expect(await asOf(`at: "${note[2]}"`)).toEqual(titles.findLast(([, , at]) => at === note[2]));
    }
    expect(await asOf(`at: "${justBefore(titles[0]?.[2] ?? '').toISOString()}"`)).toBeNull();
    expect(await asOf('version: 5')).toBeNull();
  });
});

describe.each(['orderAsOf', 'noteAsOf'])('what %s cannot answer', (name) => {
  const id = randomUUID();

  it.each([
    ['neither a time nor a version', `id: "${id}"`, '`at`'],
    ['a time and a version', `id: "${id}", at: "2026-01-01T00:00:00Z", version: 1`, 'not both'],
    ['nulls', `id: "${id}", at: null, version: null`, '`version`'],
    ['an id that is none', 'id: "mine", version: 1', 'not an id'],
    ['a time that is none', `id: "${id}", at: "yesterday"`, 'yesterday'],
    ['a day that is none', `id: "${id}", at: "2026-02-30T00:00:00Z"`, '2026-02-30'],
    ['a version that is no number', `id: "${id}", version: "1"`, 'Int'],
    ['a version that is too large', `id: "${id}", version: 3000000000`, '3000000000'],
  ])('is refused in words: %s', async (_, args, word) => {
    const answer = await app.query(`{ ${name}(${args}) { version } }`);
    expectRequestError(answer, 'BAD_USER_INPUT');
    expect(answer.errors?.[0]?.message).toContain(word);
  });
});
