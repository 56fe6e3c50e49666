import { beforeAll, describe, expect, it } from 'vitest';
import { expectRequestError } from '../../../support/client/refusals.ts';
import { ADDRESS, accepted, openShop, placeOrder } from '../../../support/client/shop.ts';
import { customerToken, staffToken, WITH_AUTH } from '../../../support/client/tokens.ts';
import { testRandom } from '../../../support/random.ts';
import { useApp } from '../../../support/server/app.ts';

// Only these commands change an order.
const app = useApp({ env: WITH_AUTH, fulfils: false });

interface Version {
  readonly version: number;
  readonly validFrom: string;
  readonly validUntil: string | null;
  readonly [field: string]: unknown;
}
interface List {
  readonly edges: readonly { readonly cursor: string; readonly node: Version }[];
  readonly nodes: readonly Version[];
  readonly totalCount: number;
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
}

let staff: string;
let ada: string;
let orderId: string;
let noteId: string;
let token: string;

async function command(name: string, input: Record<string, unknown>): Promise<string> {
  const receipt = await accepted(app, name, input, { token: staff });
  ({ token } = receipt);
  return receipt.aggregateId;
}

async function read<Data>(query: string, variables: object = {}, as = staff): Promise<Data> {
  const answer = await app.query<Data>(query, { ...variables }, { token: as, headers: { 'read-after': token } });
  expect(answer.errors, answer.text).toBeUndefined();
  expect(answer.consistency.stale).not.toBe(true);
  return answer.data;
}

const LIST =
  'edges { cursor node { version } } totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }';
const ARGUMENTS = '$first: Int, $after: String, $last: Int, $before: String';
const GIVEN = 'first: $first, after: $after, last: $last, before: $before';

async function noteVersions(fields: string, args: object = {}): Promise<List> {
  const query = `query ($id: ID!, ${ARGUMENTS}) { note(id: $id) { versions(${GIVEN}) { nodes { ${fields} } ${LIST} } } }`;
  return (await read<{ note: { versions: List } }>(query, { id: noteId, ...args })).note.versions;
}

const long = (letter: string) => letter.repeat(5000);
/** Title, content and tags of the note after each of its commands. */
const story: [title: string, content: string, tags: string[]][] = [];

beforeAll(async () => {
  staff = await staffToken();
  const { customerId, productId } = await openShop(app, { token: staff });
  ada = await customerToken(customerId);
  orderId = await command('placeOrder', { customerId, items: [{ productId, quantity: 2 }], shippingAddress: ADDRESS });
  await command('addOrderItem', { orderId, productId, quantity: 3 });
  await command('confirmOrder', { orderId });
  await command('shipOrder', { orderId, carrier: 'Royal Mail', trackingNumber: 'RM-1' });
  noteId = await command('createNote', { title: 'One', content: long('a'), tags: ['x'] });
  story.push(['One', long('a'), ['x']]);
  await command('renameNote', { noteId, title: 'Two' });
  story.push(['Two', long('a'), ['x']]);
  await command('editNote', { noteId, content: long('b') });
  story.push(['Two', long('b'), ['x']]);
  await command('tagNote', { noteId, tag: 'y' });
  story.push(['Two', long('b'), ['x', 'y']]);
  await command('revertNote', { noteId, version: 1 });
  story.push(['One', long('a'), ['x']]);
});

describe('the versions of an order', () => {
  it('are every former state and the present one, newest first, each with the time in which it held', async () => {
    const fields = 'orderId version status itemCount carrier updatedAt validFrom validUntil stale customer { name }';
    const { order } = await read<{ order: { versions: List } }>(
      `{ order(id: "${orderId}") { versions { totalCount nodes { ${fields} } } } }`,
    );
    const { nodes, totalCount } = order.versions;
    expect(totalCount).toBe(4);
    expect(nodes.map(({ version, status, itemCount, carrier }) => [version, status, itemCount, carrier])).toEqual([
      [4, 'SHIPPED', 5, 'Royal Mail'],
      [3, 'CONFIRMED', 5, null],
      [2, 'PLACED', 5, null],
      [1, 'PLACED', 2, null],
    ]);
    for (const node of nodes) expect(node).toMatchObject({ orderId, stale: false, customer: { name: 'Ada' } });
    expect(nodes.map(({ validFrom }) => validFrom)).toEqual(nodes.map(({ updatedAt }) => updatedAt));
    expect(nodes.map(({ validUntil }) => validUntil)).toEqual([
      null,
      ...nodes.slice(0, 3).map((each) => each.validFrom),
    ]);
  });

  it('are what orderAsOf answers for each of them', async () => {
    const fields = 'orderId version status validFrom validUntil total { amount }';
    const { order } = await read<{ order: { versions: List } }>(
      `{ order(id: "${orderId}") { versions { nodes { ${fields} } } } }`,
    );
    for (const version of order.versions.nodes) {
      const query = `query ($id: ID!, $version: Int) { orderAsOf(id: $id, version: $version) { __typename ${fields} } }`;
      const asOf = await read(query, { id: orderId, version: version.version });
      expect(asOf).toEqual({ orderAsOf: { __typename: 'OrderVersion', ...version } });
    }
  });

  it('have no id, so that no cache takes one for the order', async () => {
    const answer = await app.query(`{ orderAsOf(id: "${orderId}", version: 1) { id } }`, {}, { token: staff });
    expect(answer.errors?.[0]?.message).toContain('Cannot query field "id" on type "OrderVersion"');
  });

  it('of many orders are those of each', async () => {
    const { order } = await read<{ order: { customer: { id: string }; items: { product: { id: string } }[] } }>(
      `{ order(id: "${orderId}") { customer { id } items { product { id } } } }`,
    );
    const shop = { customerId: order.customer.id, productId: order.items[0]?.product.id ?? '' };
    const other = await placeOrder(app, shop, {}, { token: staff });
    ({ token } = other);
    const { orders } = await read<{ orders: { nodes: { id: string; versions: List }[] } }>(
      '{ orders { nodes { id versions(first: 2) { totalCount nodes { version } } } } }',
    );
    const found = orders.nodes.map(({ id, versions }) => [
      id,
      versions.totalCount,
      versions.nodes.map((v) => v.version),
    ]);
    expect(found).toEqual([
      [other.aggregateId, 1, [1]],
      [orderId, 4, [4, 3]],
    ]);
  });
});

describe('the versions of a note', () => {
  it('have all of their long values, whatever is selected beside them', async () => {
    const random = testRandom();
    const all = await noteVersions('title content tags');
    expect(all.nodes.map(({ title, content, tags }) => [title, content, tags])).toEqual(story.toReversed());
    for (let i = 0; i < 10; i++) {
      const fields = random.shuffled(['title', 'content', 'tags', 'archived', 'noteId']).slice(0, random.between(1, 5));
      const { nodes } = await noteVersions(['version', ...fields].join(' '));
      for (const field of fields.filter((name) => name in (all.nodes[0] ?? {}))) {
        expect(nodes.map((node) => node[field])).toEqual(all.nodes.map((node) => node[field]));
      }
    }
  });

  it('come page by page, forwards and backwards, each once', async () => {
    const numbers = (list: List) => list.edges.map(({ node }) => node.version);
    for (const size of [1, 2, 4, 5]) {
      const forwards: number[] = [];
      for (let after: string | null = null, more = true; more; ) {
        const page: List = await noteVersions('version', { first: size, after });
        expect(page.pageInfo.hasPreviousPage).toBe(after !== null);
        expect(page.totalCount).toBe(5);
        forwards.push(...numbers(page));
        ({ endCursor: after, hasNextPage: more } = page.pageInfo);
      }
      expect(forwards).toEqual([5, 4, 3, 2, 1]);
      const backwards: number[] = [];
      for (let before: string | null = null, more = true; more; ) {
        const page: List = await noteVersions('version', { last: size, before });
        expect(page.pageInfo.hasNextPage).toBe(before !== null);
        backwards.unshift(...numbers(page));
        ({ startCursor: before, hasPreviousPage: more } = page.pageInfo);
      }
      expect(backwards).toEqual([5, 4, 3, 2, 1]);
    }
    const all = await noteVersions('version');
    const [after, before] = [all.edges[0]?.cursor, all.edges[4]?.cursor];
    expect(numbers(await noteVersions('version', { after, before }))).toEqual([4, 3, 2]);
    expect(numbers(await noteVersions('version', { after: before, before: after }))).toEqual([]);
  });

  it('go on at a cursor although the note has changed meanwhile', async () => {
    const first = await noteVersions('version', { first: 2 });
    const before = first.pageInfo.startCursor;
    await command('tagNote', { noteId, tag: 'z' });
    const next = await noteVersions('version', { first: 2, after: first.pageInfo.endCursor });
    expect(next.nodes).toEqual([{ version: 3 }, { version: 2 }]);
    expect((await noteVersions('version', { last: 5, before })).nodes).toEqual([{ version: 6 }]);
  });

  it.each([
    [
      'a cursor of another list',
      async () => (await read<{ notes: List }>('{ notes { pageInfo { startCursor } } }')).notes.pageInfo.startCursor,
    ],
    ['a forged cursor', () => Buffer.from('["versions desc","x","1"]').toString('base64url')],
    ['a cursor beyond all numbers', () => Buffer.from('["versions desc","99999999999","1"]').toString('base64url')],
  ])('are refused with %s', async (_, cursorOf) => {
    const query = 'query ($id: ID!, $after: String) { note(id: $id) { versions(after: $after) { totalCount } } }';
    const answer = await app.query(query, { id: noteId, after: await cursorOf() }, { token: staff });
    expectRequestError(answer, 'BAD_USER_INPUT');
    expect(answer.errors?.[0]?.message).toContain('cursor');
  });
});

describe('former versions', () => {
  it('that the reader could not see are neither shown nor counted', async () => {
    const query = `{ order(id: "${orderId}") { versions { totalCount nodes { version } } } }`;
    const versions = async (as: string) => (await read<{ order: { versions: List } }>(query, {}, as)).order.versions;
    expect(await versions(ada)).toMatchObject({ totalCount: 4 });
    await app.database.sql`
      update read.orders_history_v3 set customer_id = gen_random_uuid() where id = ${orderId} and version <= 2`;
    expect(await versions(ada)).toEqual({ totalCount: 2, nodes: [{ version: 4 }, { version: 3 }] });
    expect(await versions(staff)).toMatchObject({ totalCount: 4 });
  });
});
