import { describe, expect, it, vi } from 'vitest';
import { openDatabase } from '../../../src/database/database.ts';
import { domains } from '../../../src/domains/index.ts';
import { registerDomains } from '../../../src/kernel/define/domain.ts';
import { LogReader } from '../../../src/kernel/log/log-reader.ts';
import { openShop, placeOrder, registerCustomer, type Shop } from '../../support/client/shop.ts';
import { think } from '../../support/client/thinking.ts';
import { useTransports } from '../../support/client/transports.ts';
import { expectedRows, rowsOf } from '../../support/kernel/rows.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { openPooler } from '../../support/postgres/pooler.ts';
import { until, within } from '../../support/until.ts';
import { ServerProcess } from './server-process.ts';

// Processes start slowly where many tests share the machine.
vi.setConfig({ testTimeout: 240_000 });

const database = useDatabase({ per: 'emptied' });
const open = useTransports({ url: '' });
// One caller makes all of the load, and is not to wait for what lags after a server was stopped.
const start = (env: NodeJS.ProcessEnv = {}) =>
  new ServerProcess({ DATABASE_URL: database.url, FAIR_LAG_MS: '0', ...env }).started();
const worker = () => new ServerProcess({ DATABASE_URL: database.url }, ['src/cli/main.ts', 'projector']);

const registry = registerDomains(domains);
/** All that servers share: read models, processes, and calls to the outside. */
const PARTS = registry.projections.size + registry.processes.size + registry.effects.size;

/** The processes that move something, each as often as it does, in the order of their ids. */
const moving = async () => {
  const rows = await database.sql<{ pid: number }[]>`
    select split_part(owner_process, ':', 2)::int as pid from read.checkpoints where lease_until > now() order by pid`;
  return rows.map(({ pid }) => pid);
};
/** Waits until exactly these processes share it all, each about as much as the other. */
const sharedBy = (...servers: ServerProcess[]) =>
  until(async () => {
    const pids = await moving();
    const each = servers.map(({ child }) => pids.filter((pid) => pid === child.pid).length);
    // Read models are spread evenly, and so are processes.
    return pids.length === PARTS && Math.max(...each) - Math.min(...each) <= 2;
  });
/** The time that the projections of an instance that is gone may take to move. */
const TAKEOVER_MS = 5000;
const allMovedBy = ({ child: { pid } }: ServerProcess) =>
  within(TAKEOVER_MS, async () => String(await moving()) === String(Array(PARTS).fill(pid)));
const head = async () => {
  const [row] = await database.sql<{ head: number }[]>`select max(position)::int as head from es.events`;
  return row?.head ?? 0;
};

/** Every read model is at the end of the log and has the rows of a fold from scratch. */
async function expectWhole() {
  let end = 0;
  await until(async () => {
    // An order may still be on its way to the read model.
    end = await head();
    const rows = await database.sql`select 1 from read.checkpoints where position = ${end}`;
    return rows.length === PARTS;
  });
  const opened = await openDatabase({
    url: database.url,
    connections: { writer: 1, projector: 1, reader: 1 },
  });
  try {
    const { events: types, projections } = registry;
    const events = await new LogReader(opened.projector.db, types).read(0, 100_000);
    expect(events).toHaveLength(end);
    for (const projection of projections.values()) {
      expect(await rowsOf(opened.projector.db, projection)).toEqual(expectedRows(projection, events));
    }
  } finally {
    await opened.close();
  }
}

/** Wait for all read models, whichever instance runs them. */
const READ = `query ($id: ID!, $customerId: ID!, $productId: ID!, $token: ConsistencyToken!)
  @readAfter(token: $token, timeoutMs: 8000) {
  order(id: $id) { version } customer(id: $customerId) { version } product(id: $productId) { version }
}`;

/** Places an order on one server and reads it on another, with the token. */
async function writeAndRead(on: ServerProcess, elsewhere: ServerProcess, shop: Shop) {
  const { aggregateId: id, token } = await placeOrder(on, shop);
  const answer = await elsewhere.query(READ, { id, ...shop, token });
  expect(answer.errors, answer.text).toBeUndefined();
  // Its fulfilment may have confirmed the order already, and reserved the product.
  const atLeast = (version: number) => ({ version: expect.toSatisfy((is: number) => is >= version) });
  expect(answer.data).toEqual({ order: atLeast(1), customer: { version: 1 }, product: atLeast(2) });
}

/** Sends commands until it is told to stop. If the server is gone, they are sent to the other one. */
function load(servers: readonly ServerProcess[]) {
  let isOver = false;
  const clients = servers.map(async (server) => {
    let accepted = 0;
    while (!isOver) {
      const done = await registerCustomer(server, {}, { signal: AbortSignal.timeout(20_000) }).then(
        () => true,
        () => false,
      );
      if (!done) return accepted;
      accepted++;
      await think();
    }
    return accepted;
  });
  return async () => {
    isOver = true;
    return (await Promise.all(clients)).reduce((a, b) => a + b);
  };
}

describe('two servers on one database', () => {
  it('share the read models, and each honours the tokens and feeds the subscriptions of writes on the other', async () => {
    const [a, b] = await Promise.all([start(), start()]);
    await sharedBy(a, b);
    const shop = await openShop(a);
    for (let n = 0; n < 10; n++) {
      await writeAndRead(a, b, shop);
      await writeAndRead(b, a, shop);
    }
    const { aggregateId: id, token: after } = await placeOrder(a, shop);
    const feeds = [a, b].map((server) =>
      open('WebSocket', { url: server.url }).subscribe<{ orderUpdated: { status: string } }>(
        'subscription ($id: ID!, $after: ConsistencyToken) { orderUpdated(id: $id, after: $after) { status } }',
        { id, after },
      ),
    );
    for (const feed of feeds) await feed.dataWhere(({ orderUpdated }) => orderUpdated.status === 'PLACED');
    await a.command('confirmOrder', { orderId: id });
    for (const feed of feeds) await feed.dataWhere(({ orderUpdated }) => orderUpdated.status === 'CONFIRMED');
    await b.command('cancelOrder', { orderId: id, reason: 'changed her mind' });
    for (const feed of feeds) await feed.dataWhere(({ orderUpdated }) => orderUpdated.status === 'CANCELLED');
    await expectWhole();
  });

  it('one of which is killed: the other has all read models within 5 seconds, and nothing is lost', async () => {
    const [a, b] = await Promise.all([start(), start()]);
    await sharedBy(a, b);
    const shop = await openShop(a);
    const stop = load([a, b]);
    await until(async () => (await head()) > 100);
    a.kill('SIGKILL');
    await allMovedBy(b);
    await writeAndRead(b, b, shop);
    await stop();
    await expectWhole();
  });

  it('one of which is paused beyond its leases and wakes: each event is applied exactly once', async () => {
    const [a, b] = await Promise.all([start(), start()]);
    await sharedBy(a, b);
    const shop = await openShop(a);
    for (let round = 0; round < 2; round++) {
      const paused = round === 0 ? a : b;
      const other = round === 0 ? b : a;
      const stop = load([a, b]);
      const from = await head();
      await until(async () => (await head()) > from + 100);
      paused.kill('SIGSTOP');
      try {
        await allMovedBy(other);
        await writeAndRead(other, other, shop);
      } finally {
        paused.kill('SIGCONT');
      }
      await writeAndRead(paused, other, shop);
      await writeAndRead(other, paused, shop);
      await stop();
      await expectWhole();
      await sharedBy(a, b);
    }
  });

  it('behind a pooler without LISTEN honour tokens and feed subscriptions too, and say once that it is slower', async () => {
    const url = await openPooler(database.url, 'swallows');
    const [a, b] = await Promise.all([start({ DATABASE_URL: url }), start({ DATABASE_URL: url })]);
    await sharedBy(a, b);
    const shop = await openShop(a);
    for (const [on, elsewhere] of [
      [a, b],
      [b, a],
    ] as const) {
      await writeAndRead(on, elsewhere, shop);
      const { aggregateId: id, token: after } = await placeOrder(on, shop);
      const feed = open('WebSocket', { url: elsewhere.url }).subscribe<{ orderUpdated: { status: string } }>(
        'subscription ($id: ID!, $after: ConsistencyToken) { orderUpdated(id: $id, after: $after) { status } }',
        { id, after },
      );
      await feed.dataWhere(({ orderUpdated }) => orderUpdated.status === 'PLACED');
      await on.command('confirmOrder', { orderId: id });
      await feed.dataWhere(({ orderUpdated }) => orderUpdated.status === 'CONFIRMED');
    }
    await until(() => [a, b].every(({ stdout }) => stdout.includes('NOT_LISTENING')));
    for (const { stdout } of [a, b]) expect(stdout.match(/the engine met a fault/g)).toHaveLength(1);
    await expectWhole();
  });
});

describe('a server with PROJECTOR=off', () => {
  it('serves what a worker projects, and the worker ends in order when it is told to', async () => {
    const server = await start({ PROJECTOR: 'off' });
    const shop = await openShop(server);
    const { projections } = (await server.query<{ projections: unknown[] }>('{ projections { name state position } }'))
      .data;
    expect(projections).toHaveLength(registry.projections.size);
    expect(new Set(projections.map((status) => JSON.stringify({ ...(status as object), name: '' }))).size).toBe(1);
    expect(projections[0]).toMatchObject({ state: 'STOPPED', position: 0 });
    expect(await moving()).toEqual([]);

    const first = worker();
    await until(async () => (await moving()).length === PARTS, { deadline: 60_000 });
    await writeAndRead(server, server, shop);
    const second = worker();
    await until(() => second.messages.includes('keeping read models'), { deadline: 60_000 });
    await sharedBy(first, second);
    await writeAndRead(server, server, shop);
    for (const [each, signal] of [
      [first, 'SIGTERM'],
      [second, 'SIGINT'],
    ] as const) {
      // Once it is gone nobody carries on what was ordered.
      if (each === second) await expectWhole();
      each.kill(signal);
      expect(await each.exited).toEqual({ code: 0, signal: null });
      expect(each.messages.at(-1)).toBe('stopped');
      expect(each.stderr).toBe('');
      expect(await moving()).not.toContain(each.child.pid);
      if (each === first) await writeAndRead(server, server, shop);
    }
  });
});
