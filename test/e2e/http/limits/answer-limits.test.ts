import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectRequestError } from '../../../support/client/refusals.ts';
import { openShop, placeOrder } from '../../../support/client/shop.ts';
import { useTransports } from '../../../support/client/transports.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { useApp } from '../../../support/server/app.ts';

const CONTROL = '\u0001'.repeat(100_000);
const database = useDatabase({ per: 'file' });
const app = useApp({ database, fulfils: false, env: { ANSWER_MAX_BYTES: '1000000' } });
const readingLittle = useApp({ database, fulfils: false, env: { ANSWER_MAX_READ_BYTES: '1500000' } });
let token: string;
beforeAll(async () => {
  for (let nth = 1; nth <= 4; nth++) {
    ({ token } = await app.command('createNote', { title: `Note ${nth}`, content: CONTROL }));
  }
});
const fresh = (selection: string, on = app) =>
  on.query(`query ($t: ConsistencyToken!) @readAfter(token: $t) { ${selection} }`, { t: token });

describe('an answer', () => {
  it('that would be larger than ANSWER_MAX_BYTES is one error that says where, and what to ask for instead', async () => {
    const answer = await fresh('notes { edges { node { title content } } }');
    expectRequestError(answer, 'BAD_USER_INPUT');
    expect(answer.errors).toHaveLength(1);
    expect(answer.errors?.[0]?.message).toBe(
      'The answer would take more than 1000000 bytes, counting at least 128 for each value: it has them at notes.edges.node.content. Ask for smaller pages, for fewer fields, or for less at a time.',
    );
    expect(answer.errors?.[0]?.extensions.limit).toBe(1_000_000);
    expect(answer.data).toBeNull();
    expect(answer.text.length).toBeLessThan(1000);
  });

  it('within it arrives', async () => {
    const answer = await fresh('notes(first: 1) { edges { node { title content } } }');
    expect(answer.errors).toBeUndefined();
  });

  it('counts all aliases together', async () => {
    const note = (alias: string) => `${alias}: notes(first: 1) { edges { node { content } } }`;
    expect((await fresh(note('a'))).errors).toBeUndefined();
    expect((await fresh(`${note('a')} ${note('b')}`)).errors).toHaveLength(1);
  });

  it('is made of rows of ANSWER_MAX_READ_BYTES at most, of which it reads the long columns that are selected', async () => {
    const list = (alias: string, field: string) => `${alias}: notes { edges { node { ${field} } } }`;
    const both = (field: string) => fresh(`${list('a', field)} ${list('b', field)}`, readingLittle);
    expect((await both('title')).errors).toBeUndefined();
    expect((await fresh(list('a', 'content'), readingLittle)).errors).toBeUndefined();
    const answer = await both('content');
    expectRequestError(answer, 'BAD_USER_INPUT');
    expect(answer.errors?.[0]?.message).toBe(
      'The operation reads more than 1500000 bytes of rows, which it reached in notes. Ask for smaller pages or for fewer lists.',
    );
  });

  it('of eight lists of a hundred notes is refused by its cost, before anything is read', async () => {
    const lists = Array.from({ length: 8 }, (_, nth) => `n${nth}: notes(first: 100) { edges { node { content } } }`);
    const answer = await fresh(lists.join(' '));
    expectRequestError(answer, 'BAD_USER_INPUT');
    expect(answer.errors?.[0]?.message).toMatch(/^Query Cost limit of 50000 exceeded/);
  });
});

describe('a mutation whose receipt asks for too much', () => {
  it('says that its command was accepted, and answers the receipt when it is sent again', async () => {
    const commandId = randomUUID();
    const input = { title: 'One more', content: 'x' };
    const query = 'notes { edges { node { content } } }';
    const ended = await app.tryCommand('createNote', input, { commandId, query });
    expect(ended.data).toBeNull();
    expect(ended.errors).toHaveLength(1);
    expect(ended.errors?.[0]?.message).toMatch(/take more than 1000000 bytes.* The command was accepted: /);
    expect(ended.consistency.token).not.toBe('');
    const again = await app.command('createNote', input, { commandId });
    expect(again).toMatchObject({ __typename: 'CommandReceipt', replayed: true });
  });
});

describe('a message of a subscription', () => {
  const small = useApp({ fulfils: false, env: { ANSWER_MAX_BYTES: '2000' } });
  const connectSmall = useTransports(small);

  it.each(['WebSocket', 'SSE by POST'] as const)('over %s has a budget of its own', async (way) => {
    const { aggregateId: orderId, token: after } = await placeOrder(small, await openShop(small));
    const price = { amount: 100, currency: 'GBP' };
    const products = await Promise.all(
      ['A', 'B', 'C', 'D'].map((name) => small.command('registerProduct', { sku: `${name}-${way}`, name, price })),
    );
    const query = `subscription ($id: ID!, $after: ConsistencyToken) { orderUpdated(id: $id, after: $after) { version items {
      quantity unitPrice { amount currency } lineTotal { amount currency } } } }`;
    const feed = connectSmall(way).subscribe<{ orderUpdated: { version: number } }>(query, { id: orderId, after });
    expect((await feed.next()).data?.orderUpdated.version).toBe(1);
    for (const { aggregateId: productId } of products) {
      await small.command('addOrderItem', { orderId, productId, quantity: 1 });
    }
    let message = await feed.next();
    while (!message.errors) message = await feed.next();
    expect(message.errors).toHaveLength(1);
    expect(message.errors[0]?.message).toMatch(/^The answer would take more than 2000 bytes/);
    expect(message.data).toBeNull();
    for (const { aggregateId: productId } of products) {
      await small.command('removeOrderItem', { orderId, productId });
    }
    while (message.data?.orderUpdated.version !== 9) message = await feed.next();
    expect(message.errors).toBeUndefined();
  });
});
