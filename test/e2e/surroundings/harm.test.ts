import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { accepted, openShop, placeOrder, type Shop } from '../../support/client/shop.ts';
import { useTransports } from '../../support/client/transports.ts';
import { onServer, useDatabase } from '../../support/postgres/database.ts';
import { roleOf } from '../../support/postgres/roles.ts';
import { useApp } from '../../support/server/app.ts';
import { until } from '../../support/until.ts';

const SOON = { deadline: 45_000 };

const database = useDatabase();
const app = useApp({ per: 'test', fulfils: false, database });
const open = useTransports(app);

/** Ends all connections of the server, so that new ones are made. */
const terminate = () =>
  database.sql`select pg_terminate_backend(pid) from pg_stat_activity
               where datname = current_database() and application_name like 'afterwrite %'`;
const name = () => new URL(database.url).pathname.slice(1);

const READ = `query ($id: ID!, $token: ConsistencyToken!) @readAfter(token: $token, timeoutMs: 10000) { customer(id: $id) { name } }`;
const FOLLOW = `subscription ($id: ID!, $after: ConsistencyToken) { orderUpdated(id: $id, after: $after) { version } }`;

/** Something that is done to the database, and what takes it back. */
interface Harm {
  readonly does: () => Promise<unknown>;
  /** Undefined if it stays. */
  readonly undoes?: () => Promise<unknown>;
  /** The work that the server cannot do meanwhile, as its log names it; undefined if it can do everything. */
  readonly stops?: 'append' | 'projection';
}

const alterDatabase = (change: string) => onServer((sql) => sql.unsafe(`alter database ${name()} ${change}`));
const alterRole = async (part: 'writer' | 'projector' | 'reader', change: string) =>
  database.sql.unsafe(`alter role ${await roleOf(database.sql, part)} ${change}`);
const rights = async (part: 'writer' | 'projector' | 'reader', change: 'grant' | 'revoke') =>
  database.sql.unsafe(
    `${change} all on all tables in schema read ${change === 'grant' ? 'to' : 'from'} ${await roleOf(database.sql, part)}`,
  );

const HARMS: Readonly<Record<string, Harm>> = {
  'the database took no connections for a while': {
    does: () => alterDatabase('allow_connections false').then(terminate),
    undoes: () => alterDatabase('allow_connections true'),
    stops: 'append',
  },
  'the database allowed no connections for a while': {
    does: () => alterDatabase('connection limit 0').then(terminate),
    undoes: () => alterDatabase('connection limit -1'),
    stops: 'append',
  },
  'the role that writes could not log in for a while': {
    does: () => alterRole('writer', 'nologin').then(terminate),
    undoes: () => alterRole('writer', 'login'),
    stops: 'append',
  },
  'the password of the role that writes was not valid for a while': {
    does: () => alterRole('writer', "valid until '2000-01-01'").then(terminate),
    undoes: () => alterRole('writer', "valid until 'infinity'"),
    stops: 'append',
  },
  'the role that projects could not log in for a while': {
    does: () => alterRole('projector', 'nologin').then(terminate),
    undoes: () => alterRole('projector', 'login'),
    stops: 'projection',
  },
  'the role that projects had no rights for a while': {
    does: () => rights('projector', 'revoke'),
    undoes: () => rights('projector', 'grant'),
    stops: 'projection',
  },
  'a read column has got another type, so that prepared statements do not fit': {
    does: () => database.sql.unsafe('alter table read.customers_v2 alter column name type varchar(5000)'),
  },
  'a read table has got another column': {
    does: () => database.sql.unsafe('alter table read.customers_v2 add column remark text'),
  },
  'tables were rewritten, so that no row is where it was': {
    does: async () => {
      for (const table of [
        'read.checkpoints',
        'read.customers_v2',
        'read.orders_v3',
        'es.streams',
        'es.events',
        'es.store',
      ])
        await database.sql.unsafe(`vacuum full ${table}`);
    },
  },
  'somebody has updated all checkpoints': {
    does: () => database.sql`update read.checkpoints set updated_at = now()`,
  },
};

describe('a server continues by itself after', () => {
  let shop: Shop;
  let order: { readonly aggregateId: string; readonly token: string };
  let undo: (() => Promise<unknown>) | undefined;
  beforeEach(async () => {
    shop = await openShop(app);
    order = await placeOrder(app, shop);
  });
  afterEach(() => undo?.());

  it.each(Object.entries(HARMS))('%s', async (_, { does, undoes, stops }) => {
    const { customerId, productId } = shop;
    const feed = open('WebSocket').subscribe<{ orderUpdated: { version: number } }>(FOLLOW, {
      id: order.aggregateId,
      after: order.token,
    });
    await feed.data();
    undo = undoes;
    await does();
    // Commands wait meanwhile, and are accepted in the end.
    const renaming = accepted(app, 'renameCustomer', { customerId, name: 'Countess' });
    const isMet = (line: string) => line.includes('the engine met a fault') && line.includes(stops ?? '');
    if (stops !== undefined) await until(() => app.log.some(isMet), SOON);
    await undoes?.();
    undo = undefined;
    const { token } = await renaming;
    await until(async () => {
      const answer = await app.query<{ customer: { name: string } }>(READ, { id: customerId, token });
      return answer.errors === undefined && answer.data.customer.name === 'Countess';
    }, SOON);
    const { version } = await accepted(app, 'addOrderItem', { orderId: order.aggregateId, productId, quantity: 1 });
    await feed.dataWhere(({ orderUpdated }) => orderUpdated.version === version);
    feed.stop();
    await until(async () => (await fetch(`${app.url}/readyz`)).status === 200, SOON);
    // Nothing was lost, done twice or parked.
    const [found] = await database.sql`
      select (select count(*)::int from es.events) as events, (select max(position)::int from es.events) as head,
             (select count(*)::int from es.events where type = 'CustomerRenamed') as renamings,
             (select count(*)::int from read.dead_letters) as parked`;
    expect(found).toEqual({ events: found?.head, head: found?.head, renamings: 1, parked: 0 });
  });
});
