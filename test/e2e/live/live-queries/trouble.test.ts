import { describe, expect, it } from 'vitest';
import { domains } from '../../../../src/domains/index.ts';
import { registerDomains } from '../../../../src/kernel/define/domain.ts';
import type { Feed } from '../../../../src/testing/clients/feed.ts';
import { accepted, openShop, placeOrder, registerCustomer } from '../../../support/client/shop.ts';
import { useTransports } from '../../../support/client/transports.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { roleOf } from '../../../support/postgres/roles.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';

const database = useDatabase({ per: 'file' });
const a = useApp({ database, fulfils: false });
const b = useApp({ database, fulfils: false });
const onA = useTransports(a);
const onB = useTransports(b);

const NAMES = `subscription ($id: ID!, $after: ConsistencyToken) {
  live(after: $after) { customer(id: $id) { name } projection: orders(first: 3, filter: { customerId: $id }) { nodes { status stale } totalCount } }
}`;
interface Names {
  readonly live: {
    readonly customer: { readonly name: string };
    readonly projection: { readonly nodes: readonly { readonly status: string; readonly stale: boolean }[] };
  };
}
const nameOf = ({ live }: Names) => live.customer.name;
const rename = (customerId: string, name: string) => accepted(a, 'renameCustomer', { customerId, name });

/** A customer whom somebody watches on each server. */
async function watched(): Promise<{ id: string; feeds: Feed<Names>[] }> {
  const { aggregateId: id, token: after } = await registerCustomer(a, { name: 'Ada' });
  const feeds = [onA, onB].map((open) => open('WebSocket').subscribe<Names>(NAMES, { id, after }));
  for (const feed of feeds) expect(nameOf(await feed.data())).toBe('Ada');
  return { id, feeds };
}

/** No message was older than the one before. */
function neverBack({ messages }: Feed<Names>): void {
  const positions = messages.map(({ extensions }) => a.engine.tokens.decode(extensions?.consistency?.token ?? ''));
  expect(positions).toEqual(positions.toSorted((one, other) => one - other));
}

describe('a live query', () => {
  it('shows on every server what was written on any, whichever runs the read model', async () => {
    const { id, feeds } = await watched();
    for (let change = 1; change <= 3; change++) {
      await rename(id, `Name ${change}`);
      for (const feed of feeds) await feed.dataWhere((data) => nameOf(data) === `Name ${change}`);
    }
    for (const feed of feeds) neverBack(feed);
  });

  it('goes on through a rebuild of its read models', async () => {
    const { id, feeds } = await watched();
    const generations = async () => {
      const rows = await database.sql<{ generation: number }[]>`
        select generation from read.checkpoints where projection like 'customers%' or projection like 'orders%' order by projection`;
      return rows.map(({ generation }) => generation);
    };
    const before = await generations();
    const { projections } = registerDomains(domains);
    for (const name of ['customers', 'orders']) {
      const projection = projections.get(name);
      if (projection) await a.engine.projector.rebuilds.begin(projection);
    }
    await rename(id, 'During');
    for (const feed of feeds) await feed.dataWhere((data) => nameOf(data) === 'During');
    await until(async () => (await generations()).every((now, nth) => now > (before[nth] ?? 0)));
    await rename(id, 'After');
    for (const feed of feeds) {
      await feed.dataWhere((data) => nameOf(data) === 'After');
      neverBack(feed);
    }
  });

  it('shows that a row lacks an event, and the row as it is after a retry', async () => {
    const { sql } = database;
    const { id, feeds } = await watched();
    const shop = await openShop(a);
    const { aggregateId: orderId } = await placeOrder(a, { ...shop, customerId: id });
    const isOrder = (status: string, stale: boolean) => (data: Names) => {
      const [order] = data.live.projection.nodes;
      return order?.status === status && order.stale === stale;
    };
    for (const feed of feeds) await feed.dataWhere(isOrder('PLACED', false));
    await sql`alter table read.orders_v3 add constraint touchy check (status <> 'CONFIRMED') not valid`;
    try {
      await accepted(a, 'confirmOrder', { orderId });
      for (const feed of feeds) await feed.dataWhere(isOrder('PLACED', true));
      expect(feeds.map(({ messages }) => messages.at(-1)?.extensions?.consistency?.stale)).toEqual([true, true]);
    } finally {
      await sql`alter table read.orders_v3 drop constraint touchy`;
    }
    const retry = `mutation { retryDeadLetters(projection: "orders", key: "Order/${orderId}") { __typename } }`;
    expect((await a.query(retry)).data).toEqual({ retryDeadLetters: { __typename: 'DeadLettersRetried' } });
    for (const feed of feeds) await feed.dataWhere(isOrder('CONFIRMED', false));
  });

  it('is executed again after a fault, which it tells if it does not pass', async () => {
    const { sql } = database;
    const { id, feeds } = await watched();
    const reader = sql(await roleOf(sql, 'reader'));
    await sql`revoke select on read.customers_v2 from ${reader}`;
    try {
      await rename(id, 'Grace');
      for (const feed of feeds) {
        const { data, errors } = await feed.next();
        expect(data?.live.customer).toBeNull();
        expect(errors).toMatchObject([{ path: ['live', 'customer'], extensions: { code: 'INTERNAL_SERVER_ERROR' } }]);
        expect(JSON.stringify(errors)).not.toMatch(/permission/);
      }
    } finally {
      await sql`grant select on read.customers_v2 to ${reader}`;
    }
    for (const feed of feeds) {
      await feed.dataWhere((data) => nameOf(data) === 'Grace');
      // The same fault is told once, however often it was met.
      expect(feed.messages).toHaveLength(3);
    }
    const { extensions } = feeds[0]?.messages[1]?.errors?.[0] ?? {};
    const correlationId = String(extensions?.correlationId);
    expect(a.log.filter((line) => line.includes(correlationId)).length).toBeGreaterThanOrEqual(3);
  });
});
