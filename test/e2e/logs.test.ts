import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { disposeOf, socketClient, subscribeWith } from '../../src/testing/clients/sockets.ts';
import { caughtUp } from '../support/client/caught-up.ts';
import { openShop, placeOrder, registerCustomer } from '../support/client/shop.ts';
import { eventFeed } from '../support/client/transports.ts';
import { useApp } from '../support/server/app.ts';
import { until } from '../support/until.ts';

interface Entry {
  readonly level: string;
  readonly msg: string;
  readonly [fact: string]: unknown;
}

const app = useApp({ per: 'test' });
const entries = (of: { readonly log: readonly string[] } = app) => of.log.map((line) => JSON.parse(line) as Entry);
const logged = (msg: string) => entries().filter((entry) => entry.msg === msg);

describe('the log', () => {
  it('has a line for each command at level debug, with the correlation id of its request', async () => {
    const headers = { 'x-correlation-id': 'checkout-17' };
    const commandId = randomUUID();
    const { aggregateId, token } = await registerCustomer(app, {}, { headers, commandId });
    await app.command('renameCustomer', { customerId: randomUUID(), name: 'Nobody' }, { headers });
    const position = app.engine.tokens.decode(token);
    expect(logged('a command was answered')).toMatchObject([
      {
        ...{ level: 'debug', correlationId: 'checkout-17', command: 'registerCustomer', kind: 'accepted' },
        ...{ commandId, aggregateId, position, ms: expect.any(Number) },
      },
      { correlationId: 'checkout-17', command: 'renameCustomer', kind: 'notFound', ms: expect.any(Number) },
    ]);
    await caughtUp(app, token);
    expect(logged('a projection moved on')).toContainEqual(
      expect.objectContaining({ level: 'debug', projection: 'customers', events: 1, rows: 1, position }),
    );
    expect(app.log.join('')).not.toContain('ada@example.org');
  });

  it('names the request and the command whose event a projection cannot apply', async () => {
    await app.database.sql`alter table read.customers_v2 rename column email to lost`;
    const commandId = randomUUID();
    await registerCustomer(app, {}, { headers: { 'x-correlation-id': 'at-fault' }, commandId });
    await until(() => logged('the engine met a fault and goes on').length > 0);
    expect(logged('the engine met a fault and goes on')[0]).toMatchObject({
      ...{ level: 'error', projection: 'customers', eventPosition: 1, eventType: 'CustomerRegistered' },
      ...{ correlationId: 'at-fault', commandId },
    });
    await app.database.sql`alter table read.customers_v2 rename column lost to email`;
  });

  describe('of a subscription that fails', () => {
    const clients: ReturnType<typeof socketClient>[] = [];
    afterEach(() => Promise.all(clients.splice(0).map(disposeOf)));

    const QUERY = 'subscription ($id: ID!) { orderUpdated(id: $id) { customer { name } } }';

    it('names the request over SSE', async () => {
      const { aggregateId: id, token } = await placeOrder(app, await openShop(app));
      await caughtUp(app, token);
      await app.database.sql`alter table read.customers_v2 rename column name to lost`;
      const feed = eventFeed(app.url, 'POST', { query: QUERY, variables: { id } }, { 'x-correlation-id': 'watching' });
      const { errors } = await feed.next();
      expect(errors?.[0]?.extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR', correlationId: 'watching' });
      expect(logged('a request failed')[0]).toMatchObject({ level: 'error', correlationId: 'watching' });
      feed.stop();
    });

    it('names what came with the connection over WebSocket, if no header can be set', async () => {
      const { aggregateId: id, token } = await placeOrder(app, await openShop(app));
      await caughtUp(app, token);
      await app.database.sql`alter table read.customers_v2 rename column name to lost`;
      const client = socketClient(app.url, undefined, { 'x-correlation-id': 'watching' });
      clients.push(client);
      const feed = subscribeWith(client, QUERY, { id });
      const { errors } = await feed.next();
      expect(errors?.[0]?.extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR', correlationId: 'watching' });
      expect(logged('a request failed')[0]).toMatchObject({ level: 'error', correlationId: 'watching' });
    });
  });

  it('names requests whose append is tried again', async () => {
    const { sql } = app.database;
    const blocker = await sql.reserve();
    await blocker`begin`;
    await blocker`lock table es.events in exclusive mode`;
    const answer = registerCustomer(app, {}, { headers: { 'x-correlation-id': 'cut-off' } });
    // While its append waits for the lock, its connection is cut.
    await until(async () => {
      const cut = await sql`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'afterwrite writer' and wait_event_type = 'Lock'`;
      return cut.length > 0;
    });
    await blocker`rollback`;
    blocker.release();
    await answer;
    const retried = logged('the engine met a fault and goes on').filter(({ part }) => part === 'append');
    expect(retried[0]).toMatchObject({ level: 'error', attempt: 1, correlationIds: ['cut-off'] });
    expect(logged('a command was answered')).toMatchObject([{ correlationId: 'cut-off', kind: 'accepted' }]);
    const metrics = await (await fetch(`${app.url}/metrics`)).text();
    expect(metrics).toContain(`afterwrite_append_retries_total ${retried.length}\n`);
  });
});

describe('the log at level info', () => {
  const quiet = useApp({ env: { LOG_LEVEL: 'info' } });

  it('does not log successful requests', async () => {
    const before = quiet.log.length;
    const { token } = await registerCustomer(quiet);
    await caughtUp(quiet, token);
    expect(quiet.log.slice(before)).toEqual([]);
  });
});

describe('the log of a server whose identity provider is away', () => {
  const locked = useApp({ env: { AUTH_JWKS_URL: 'http://127.0.0.1:1/keys' } });

  it('names the request whose credentials could not be checked, and so does its answer', async () => {
    const token = `${Buffer.from('{"alg":"RS256","kid":"1"}').toString('base64url')}.e30.c2ln`;
    const answer = await locked.query('{ projections { name } }', {}, { token, headers: { 'x-correlation-id': 'me' } });
    expect(answer.errors?.[0]?.extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR', correlationId: 'me' });
    const failed = entries(locked).filter(({ msg }) => msg === 'a request failed');
    expect(failed).toMatchObject([{ level: 'error', correlationId: 'me', err: { code: 'AUTH_UNAVAILABLE' } }]);
  });
});
