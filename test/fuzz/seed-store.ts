import { randomUUID } from 'node:crypto';
import type { HttpClient } from '../support/client/http-client.ts';
import { ADDRESS, accepted } from '../support/client/shop.ts';
import { accessToken, customerToken, staffToken } from '../support/client/tokens.ts';
import type { Known } from './values.ts';

/** The data that operations refer to, and the actors who send them. */
export interface SeededStore extends Known {
  /** Values of `authorization`; undefined is an anonymous caller. */
  readonly credentials: readonly (string | undefined)[];
}

/** Writes a little of everything, so that operations find something. */
export async function seedStore(client: HttpClient): Promise<SeededStore> {
  const [customerId, otherId] = [randomUUID(), randomUUID()];
  const [customer, other, staff, admin] = await Promise.all([
    customerToken(customerId),
    customerToken(otherId),
    staffToken(),
    accessToken('operator', ['admin']),
  ]);
  const as = (token: string) => ({ token });
  const receipts = [
    await accepted(client, 'registerCustomer', { id: customerId, name: 'Ada', email: 'ada@example.org' }, as(customer)),
    await accepted(client, 'registerCustomer', { id: otherId, name: 'Bob', email: 'bob@example.org' }, as(other)),
  ];
  const product = await accepted(
    client,
    'registerProduct',
    { sku: 'TEAPOT-1', name: 'Teapot', price: { amount: 1999, currency: 'GBP' } },
    as(staff),
  );
  receipts.push(product);
  const productId = product.aggregateId;
  receipts.push(await accepted(client, 'receiveStock', { productId, quantity: 100_000 }, as(staff)));
  for (const [id, token] of [
    [customerId, customer],
    [otherId, other],
  ] as const) {
    const order = { customerId: id, items: [{ productId, quantity: 2 }], shippingAddress: ADDRESS };
    receipts.push(await accepted(client, 'placeOrder', order, as(token)));
    const note = { title: 'A note', content: 'It says nothing.', workspaceId: randomUUID() };
    receipts.push(await accepted(client, 'createNote', note, as(token)));
    const account = await accepted(client, 'openAccount', { owner: id, currency: 'GBP' }, as(token));
    receipts.push(account);
    const amount = { amount: 100, currency: 'GBP' };
    const { aggregateId: fromAccountId } = account;
    receipts.push(await accepted(client, 'deposit', { accountId: fromAccountId, amount }, as(staff)));
    const transfer = { fromAccountId, toAccountId: receipts[0]?.aggregateId, amount };
    receipts.push(await accepted(client, 'transfer', transfer, as(token)));
    receipts.push(await accepted(client, 'registerAuthor', { id: randomUUID(), displayName: 'Ada' }, as(staff)));
    const { aggregateId: authorId } = receipts.at(-1) as { readonly aggregateId: string };
    const article = { authorId, title: 'Looms', body: 'They weave.', tags: ['tea'] };
    receipts.push(await accepted(client, 'publishArticle', article, as(staff)));
    const { aggregateId: articleId } = receipts.at(-1) as { readonly aggregateId: string };
    receipts.push(await accepted(client, 'comment', { articleId, body: 'Well woven.' }, as(token)));
  }
  const last = receipts.at(-1)?.token ?? '';
  const lists = ['orders', 'customers', 'products', 'accounts', 'transfers', 'authors', 'notes', 'articleCards'];
  const { data } = await client.query<Record<string, { pageInfo: { endCursor: string } }>>(
    `{ ${lists.map((list) => `${list}(first: 1) { pageInfo { endCursor } }`).join(' ')} }`,
    {},
    { token: staff, headers: { 'read-after': last } },
  );
  return {
    ids: receipts.map(({ aggregateId }) => aggregateId),
    tokens: receipts.map(({ token }) => token),
    cursors: Object.values(data).map(({ pageInfo }) => pageInfo.endCursor),
    credentials: [
      undefined,
      ...[customer, customer, other, staff, admin].map((token) => `Bearer ${token}`),
      'Bearer x',
    ],
  };
}
