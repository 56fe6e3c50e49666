import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectRequestError } from '../../../support/client/refusals.ts';
import { accepted, openShop, placeOrder } from '../../../support/client/shop.ts';
import { customerToken, staffToken, WITH_AUTH } from '../../../support/client/tokens.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp({ env: WITH_AUTH });
let ada: string;
let bob: string;
let staff: string;
let orderId: string;
let noteId: string;
let after: string;

beforeAll(async () => {
  staff = await staffToken();
  const shop = await openShop(app, { token: staff });
  ada = await customerToken(shop.customerId);
  bob = await customerToken(randomUUID());
  orderId = (await placeOrder(app, shop, {}, { token: ada })).aggregateId;
  noteId = (await accepted(app, 'createNote', { title: 'Mine', content: '' }, { token: ada })).aggregateId;
  await accepted(app, 'confirmOrder', { orderId }, { token: staff });
  after = (await accepted(app, 'renameNote', { noteId, title: 'Still mine' }, { token: ada })).token;
});

/** The actors who can read the first, now former, version of both. */
const read = (token?: string) =>
  app.query<{ orderAsOf: { status: string } | null; noteAsOf: { title: string } | null }>(
    `{ orderAsOf(id: "${orderId}", version: 1) { status } noteAsOf(id: "${noteId}", version: 1) { title } }`,
    {},
    { token, headers: { 'read-after': after } },
  );

describe('what was', () => {
  it('is visible to those who may see the present state', async () => {
    const both = { orderAsOf: { status: 'PLACED' }, noteAsOf: { title: 'Mine' } };
    expect((await read(ada)).data).toEqual(both);
    expect((await read(staff)).data).toEqual(both);
    expect((await read(bob)).data).toEqual({ orderAsOf: null, noteAsOf: null });
    expectRequestError(await read(), 'UNAUTHENTICATED');
  });

  it('is not for those who may not see the row any more, nor for those who could not see it then', async () => {
    const { sql } = app.database;
    const other = randomUUID();
    await sql`update read.orders_v3 set customer_id = ${other} where id = ${orderId}`;
    expect((await read(ada)).data.orderAsOf).toBeNull();
    expect((await read(await customerToken(other))).data.orderAsOf).toBeNull();
    expect((await read(staff)).data.orderAsOf).toEqual({ status: 'PLACED' });
  });
});
