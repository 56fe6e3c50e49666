import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { domains } from '../../../src/domains/index.ts';
import { schemaOf } from '../../../src/graphql/index.ts';
import { accepted, openShop, placeOrder, registerCustomer, registerProduct } from '../../support/client/shop.ts';
import { useTransports } from '../../support/client/transports.ts';
import { useApp } from '../../support/server/app.ts';

const app = useApp();
const open = useTransports(app);
const gbp = (amount: number) => ({ amount, currency: 'GBP' });

/** A row to watch: its key, a token that it is there with, and how it is changed. */
interface Watched {
  readonly key: string;
  readonly token: string;
  readonly change: () => Promise<unknown>;
}
interface Subscription {
  /** The argument with the key, and the field with the same value; `id` if it is not said. */
  readonly argument?: string;
  readonly field?: string;
  readonly shows: string;
  readonly before: string;
  readonly after: string;
  readonly begin: () => Promise<Watched>;
}
interface Commented {
  readonly article: { readonly comments: { readonly nodes: readonly { readonly id: string }[] } };
}
interface Statement {
  readonly account: { readonly entries: { readonly nodes: readonly { readonly id: string }[] } };
}
interface Trail {
  readonly auditTrail: { readonly nodes: readonly { readonly id: string }[] };
}
type Receipt = Awaited<ReturnType<typeof accepted>>;
const watched = ({ aggregateId: key, token }: Receipt, change: (key: string) => Promise<unknown>): Watched => ({
  ...{ key, token },
  change: () => change(key),
});
const article = async () => {
  const { aggregateId: authorId } = await accepted(app, 'registerAuthor', { displayName: 'Ada' });
  return accepted(app, 'publishArticle', { authorId, title: 'Looms', body: 'They weave.', tags: [] });
};
const account = () => accepted(app, 'openAccount', { owner: randomUUID(), currency: 'GBP' });
const comment = (articleId: string) => accepted(app, 'comment', { articleId, body: 'Well woven.' });

/** Every subscription to a row but `orderUpdated`, which has tests of its own. */
const subscriptions: Readonly<Record<string, Subscription>> = {
  customerUpdated: {
    ...{ shows: 'name', before: 'Ada', after: 'Countess' },
    begin: async () =>
      watched(await registerCustomer(app), (customerId) =>
        accepted(app, 'renameCustomer', { customerId, name: 'Countess' }),
      ),
  },
  productUpdated: {
    ...{ shows: 'stock', before: '0', after: '7' },
    begin: async () =>
      watched(await registerProduct(app), (productId) => accepted(app, 'receiveStock', { productId, quantity: 7 })),
  },
  accountUpdated: {
    ...{ shows: 'balance { amount }', before: '{"amount":0}', after: '{"amount":5}' },
    begin: async () => watched(await account(), (accountId) => accepted(app, 'deposit', { accountId, amount: gbp(5) })),
  },
  accountEntryUpdated: {
    ...{ shows: 'balance { amount }', before: '{"amount":5}', after: '{"amount":5}' },
    // A line never changes.
    begin: async () => {
      const { aggregateId: accountId } = await account();
      const { token } = await accepted(app, 'deposit', { accountId, amount: gbp(5) });
      const query =
        'query ($accountId: ID!, $token: ConsistencyToken!) @readAfter(token: $token) { account(id: $accountId) { entries { nodes { id } } } }';
      const { data } = await app.query<Statement>(query, { accountId, token });
      return { key: data.account.entries.nodes[0]?.id ?? '', token, change: async () => undefined };
    },
  },
  auditEntryUpdated: {
    ...{ shows: 'eventType', before: 'NoteCreated', after: 'NoteCreated' },
    // An entry never changes.
    begin: async () => {
      const { aggregateId, token } = await accepted(app, 'createNote', { title: 'Looms', content: '' });
      const query =
        'query ($aggregateId: ID!, $token: ConsistencyToken!) @readAfter(token: $token) { auditTrail(aggregateId: $aggregateId) { nodes { id } } }';
      const { data } = await app.query<Trail>(query, { aggregateId, token });
      return { key: data.auditTrail.nodes[0]?.id ?? '', token, change: async () => undefined };
    },
  },
  transferUpdated: {
    ...{ shows: 'state', before: 'REQUESTED', after: 'FAILED' },
    // The transfer fails by itself: the account is empty.
    begin: async () => {
      const [from, to] = [await account(), await account()];
      const input = { fromAccountId: from.aggregateId, toAccountId: to.aggregateId, amount: gbp(1) };
      return watched(await accepted(app, 'transfer', input), async () => undefined);
    },
  },
  noteUpdated: {
    ...{ shows: 'title', before: 'Looms', after: 'Cards' },
    begin: async () =>
      watched(await accepted(app, 'createNote', { title: 'Looms', content: '' }), (noteId) =>
        accepted(app, 'renameNote', { noteId, title: 'Cards' }),
      ),
  },
  fulfilmentUpdated: {
    ...{ argument: 'orderId', field: 'orderId', shows: 'state', before: 'RESERVING_STOCK', after: 'CONFIRMED' },
    // The fulfilment continues by itself: everything is in stock.
    begin: async () => watched(await placeOrder(app, await openShop(app)), async () => undefined),
  },
  articleUpdated: {
    ...{ shows: 'version', before: '1', after: '2' },
    begin: async () => watched(await article(), comment),
  },
  articleCardUpdated: {
    ...{ field: 'articleId', shows: 'commentCount', before: '0', after: '1' },
    begin: async () => watched(await article(), comment),
  },
  commentUpdated: {
    ...{ shows: 'body', before: 'Well woven.', after: 'Well woven.' },
    // Nothing changes a comment yet.
    begin: async () => {
      const { aggregateId: id } = await article();
      const { token } = await comment(id);
      const query =
        'query ($id: ID!, $token: ConsistencyToken!) @readAfter(token: $token) { article(id: $id) { comments { nodes { id } } } }';
      const { data } = await app.query<Commented>(query, { id, token });
      return { key: data.article.comments.nodes[0]?.id ?? '', token, change: async () => undefined };
    },
  },
  authorUpdated: {
    ...{ shows: 'displayName', before: 'Ada', after: 'Countess' },
    begin: async () =>
      watched(await accepted(app, 'registerAuthor', { displayName: 'Ada' }), (authorId) =>
        accepted(app, 'renameAuthor', { authorId, displayName: 'Countess' }),
      ),
  },
};

it('every subscription to a row is tried below', () => {
  const fields = Object.keys(schemaOf({ domains }).getSubscriptionType()?.getFields() ?? {});
  const toRows = fields.filter((name) => name.endsWith('Updated') && name !== 'projectionUpdated');
  expect(toRows.sort()).toEqual(['orderUpdated', ...Object.keys(subscriptions)].sort());
});

describe.each(['WebSocket', 'SSE by POST'] as const)('over %s', (way) => {
  it.each(Object.entries(subscriptions))('%s shows the row now, and again when it has changed', async (field, one) => {
    const { key, token, change } = await one.begin();
    const { argument = 'id', field: keyField = 'id' } = one;
    const feed = open(way).subscribe<Record<string, Record<string, unknown>>>(
      `subscription ($key: ID!, $after: ConsistencyToken) { ${field}(${argument}: $key, after: $after) { key: ${keyField} ${one.shows} } }`,
      { key, after: token },
    );
    const [name = ''] = one.shows.split(' ');
    const shown = (row: Record<string, unknown> | undefined) =>
      typeof row?.[name] === 'object' ? JSON.stringify(row[name]) : String(row?.[name]);
    const first = (await feed.data())[field];
    expect(first?.key).toBe(key);
    // Transfers and fulfilments continue by themselves: they may have done so before the first message.
    const goesOn = ['transferUpdated', 'fulfilmentUpdated'].includes(field);
    if (!goesOn) expect(shown(first)).toBe(one.before);
    await change();
    if (shown(first) !== one.after) await feed.dataWhere((data) => shown(data[field]) === one.after);
  });
});
