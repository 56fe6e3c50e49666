import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { openShop, placeOrder, registerCustomer } from '../../support/client/shop.ts';
import { eventFeed, useTransports } from '../../support/client/transports.ts';
import { holdUp } from '../../support/postgres/blocker.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';
import { ServerProcess, statusOf } from './server-process.ts';

// Processes start slowly where many tests share the machine.
vi.setConfig({ testTimeout: 240_000 });

const database = useDatabase({ per: 'emptied' });
const open = useTransports({ url: '' });
const start = () => new ServerProcess({ DATABASE_URL: database.url }).started();

const ORDER_UPDATED =
  'subscription ($id: ID!, $after: ConsistencyToken) { orderUpdated(id: $id, after: $after) { id } }';
const ended = { code: 0, signal: null };
const expectOrderly = (server: ServerProcess) => {
  expect(server.messages.at(-1)).toBe('stopped');
  expect(server.stdout).not.toMatch(/did not end in time|a step of the shutdown failed|the engine met a fault/);
  expect(server.stderr).toBe('');
};

describe('a server that is stopped', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('by %s ends with 0', async (signal) => {
    const server = await start();
    server.kill(signal);
    expect(await server.exited).toEqual(ended);
    expectOrderly(server);
  });

  it('ends subscriptions so that their clients come again: not as complete, and not cut off', async () => {
    const server = await start();
    const { aggregateId: id, token: after } = await placeOrder(server, await openShop(server));
    const variables = { id, after };
    const socket = open('WebSocket', { url: server.url }).subscribe(ORDER_UPDATED, variables);
    const events = (['POST', 'GET'] as const).map((method) =>
      eventFeed(server.url, method, { query: ORDER_UPDATED, variables }),
    );
    for (const feed of [socket, ...events]) await feed.data();
    server.kill('SIGINT');
    expect(await socket.end()).toEqual({ how: 'closed', code: 1001, reason: 'Going away' });
    for (const feed of events) expect(await feed.end()).toEqual({ how: 'closed', reason: 'end' });
    expect(await server.exited).toEqual(ended);
    expectOrderly(server);
  });

  it('does not wait for clients that take nothing, nor for those that say nothing', async () => {
    const server = await start();
    const webSocket = new WebSocket(`${server.url.replace(/^http/, 'ws')}/graphql`, 'graphql-transport-ws');
    webSocket.on('error', () => {});
    await once(webSocket, 'open');
    webSocket.send(JSON.stringify({ type: 'connection_init' }));
    await once(webSocket, 'message');
    webSocket.pause();
    const stream = eventFeed(server.url, 'POST', { query: 'subscription { projectionUpdated { projection } }' });
    (await stream.response).pause();
    const { hostname, port } = new URL(server.url);
    const silent = connect(Number(port), hostname).on('error', () => {});
    await once(silent, 'connect');
    const halfSaid = connect(Number(port), hostname).on('error', () => {});
    halfSaid.write(
      'POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    );
    server.kill('SIGINT');
    expect(await server.exited).toEqual(ended);
    expectOrderly(server);
    webSocket.terminate();
    for (const socket of [silent, halfSaid]) socket.destroy();
  });

  it('answers the commands that it has taken, refuses new ones, and says that it is not ready', async () => {
    const server = await start();
    const { sql } = database;
    const lock = await sql.reserve();
    await lock`begin`;
    await lock`lock table es.events in share mode`;
    const ids = Array.from({ length: 20 }, () => randomUUID());
    const inProgress = Promise.all(ids.map((id) => registerCustomer(server, { id })));
    // If the test fails before it reads these, its own error is reported.
    inProgress.catch(() => undefined);
    await until(async () => {
      const waiting =
        await sql`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      return waiting.length > 0;
    });
    // When these are answered, everything that was sent before them has arrived.
    for (let round = 0; round < 3; round++) {
      await Promise.all(ids.map(() => server.query('{ projections { name } }')));
    }
    server.kill('SIGINT');
    await until(async () => (await statusOf(`${server.url}/readyz`)) === 503);
    expect(await statusOf(`${server.url}/livez`)).toBe(200);
    const refused = await server.query('{ projections { name } }');
    expect([refused.status, refused.code]).toEqual([503, 'THROTTLED']);
    await lock`rollback`;
    lock.release();
    expect((await inProgress).map((receipt) => receipt.aggregateId)).toEqual(ids);
    expect(await server.exited).toEqual(ended);
    expectOrderly(server);
    const [row] = await sql<{ count: string }[]>`select count(distinct stream_id) from es.events`;
    expect(Number(row?.count)).toBe(20);
  });

  it('by SIGTERM under load has every command that it acknowledged in the log once, and none that was sent again twice', async () => {
    const server = await start();
    const feed = open('WebSocket', { url: server.url }).subscribe(
      'subscription { projectionUpdated { projection } }',
      {},
    );
    const acknowledged = new Map<string, string>();
    const unanswered: string[] = [];
    const others: (string | undefined)[] = [];
    const client = async () => {
      for (;;) {
        const commandId = randomUUID();
        const input = { name: 'Ada', email: 'ada@example.org' };
        const answer = await server.tryCommand('registerCustomer', input, { commandId }).catch(() => undefined);
        const receipt = answer?.data?.registerCustomer;
        if (receipt) {
          acknowledged.set(commandId, receipt.aggregateId);
          continue;
        }
        unanswered.push(commandId);
        // Refused in words, or there was nobody any more.
        if (answer) others.push(answer.code);
        return;
      }
    };
    const load = Promise.all(Array.from({ length: 40 }, client));
    await until(() => acknowledged.size >= 300);
    // Process managers and npm both pass it on.
    server.kill('SIGTERM');
    server.kill('SIGTERM');
    await load;
    expect(await server.exited).toEqual(ended);
    expectOrderly(server);
    expect(others.filter((code) => code !== 'THROTTLED')).toEqual([]);
    expect(await feed.end()).toEqual({ how: 'closed', code: 1001, reason: 'Going away' });

    const { sql } = database;
    const rows = await sql<{ command_id: string; stream_id: string }[]>`select command_id, stream_id from es.events`;
    const stored = new Map(rows.map((row) => [row.command_id, row.stream_id]));
    expect(stored.size).toBe(rows.length);
    for (const [commandId, streamId] of acknowledged) expect(stored.get(commandId)).toBe(streamId);

    const next = await start();
    for (const commandId of unanswered) {
      const receipt = await registerCustomer(next, {}, { commandId });
      expect(receipt.replayed).toBe(stored.has(commandId));
    }
    const [row] = await sql<{ events: number; commands: number; dense: boolean }[]>`select count(*)::int as events,
      count(distinct command_id)::int as commands, max(position) = count(*) as dense from es.events`;
    const sent = acknowledged.size + unanswered.length;
    expect(row).toEqual({ events: sent, commands: sent, dense: true });
    next.kill('SIGTERM');
    expect(await next.exited).toEqual(ended);
  });

  it('that runs out of time reports what it left, and keeps everything that was acknowledged', async () => {
    const server = await new ServerProcess({ DATABASE_URL: database.url, SHUTDOWN_TIMEOUT_MS: '500' }).started();
    const { commandId: first } = await registerCustomer(server);
    const { release } = await holdUp(database, 'lock table es.events in share mode');
    const commandId = randomUUID();
    const cutOff = registerCustomer(server, {}, { commandId }).then(
      () => 'answered',
      () => 'cut off',
    );
    await until(async () => {
      const waiting = await database.sql`select 1 from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`;
      return waiting.length > 0;
    });
    server.kill('SIGTERM');
    expect(await server.exited).toEqual(ended);
    expect(await cutOff).toBe('cut off');
    expect(server.messages).toContain('did not end in time');
    expect(server.stdout).toContain('"step":"finish commands"');
    await release();
    // A statement that Postgres was still executing when the server ended takes effect once or not at all.
    const next = await start();
    expect((await registerCustomer(next, {}, { commandId: first })).replayed).toBe(true);
    await registerCustomer(next, {}, { commandId });
    const rows = await database.sql`select command_id from es.events order by position`;
    expect(rows.map((row) => row.command_id)).toEqual([first, commandId]);
    next.kill('SIGTERM');
    expect(await next.exited).toEqual(ended);
  });

  it('a second time, later, ends at once', async () => {
    const server = await start();
    await holdUp(database, 'lock table es.events in share mode');
    registerCustomer(server).catch(() => undefined);
    await until(async () => {
      const waiting = await database.sql`select 1 from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`;
      return waiting.length > 0;
    });
    server.kill('SIGTERM');
    // Within a second it would be the same signal, come by another way.
    const again = setInterval(() => server.kill('SIGTERM'), 1100);
    try {
      expect(await server.exited).toEqual({ code: 1, signal: null });
    } finally {
      clearInterval(again);
    }
  });
});
