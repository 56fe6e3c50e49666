import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestApp } from '../../../src/testing/test-app.ts';
import { clerkOf, openTenants } from '../../support/tenants/tenants.ts';

const READ = 'query ($id: ID!) { customer(id: $id) { name version } customers { totalCount } }';
const UPDATES = 'subscription ($id: ID!) { customerUpdated(id: $id) { name } }';
const person = (name: string) => ({ name, email: `${name.toLowerCase()}@example.org` });

interface Read {
  readonly customer: { readonly name: string; readonly version: number } | null;
  readonly customers: { readonly totalCount: number };
}

let app: TestApp;
beforeAll(async () => {
  app = await openTenants('database', { TENANTS_OPEN: '2' });
});
afterAll(() => app?.close());

const clerk = (tenant: string) => app.as(clerkOf(tenant));

describe('tenants with a database each', () => {
  it('use the same ids and command ids, and never notice each other', async () => {
    const [id, commandId] = [randomUUID(), randomUUID()];
    for (const tenant of ['acme', 'globex']) {
      const input = { id, ...person(`${tenant}-ada`) };
      const { version, replayed } = await clerk(tenant).accepted('registerCustomer', input, { commandId });
      expect([version, replayed]).toEqual([1, false]);
    }
    await clerk('acme').accepted('renameCustomer', { customerId: id, name: 'acme-countess' });
    const read = async (tenant: string) => (await clerk(tenant).query<Read>(READ, { id })).data;
    expect(await read('acme')).toEqual({
      customer: { name: 'acme-countess', version: 2 },
      customers: { totalCount: 1 },
    });
    expect(await read('globex')).toEqual({
      customer: { name: 'globex-ada', version: 1 },
      customers: { totalCount: 1 },
    });
  });

  it('cannot use the token of another tenant', async () => {
    const { token } = await clerk('acme').accepted('registerCustomer', person('Ada'));
    const { code, data } = await clerk('globex').query(READ, { id: randomUUID() }, { readAfter: token });
    expect(code).toBe('FOREIGN_TOKEN');
    expect(data).toBeFalsy();
  });

  it('stay open as long as somebody subscribes, although others need their place', async () => {
    const { aggregateId: id } = await clerk('acme').accepted('registerCustomer', person('Ada'));
    await clerk('acme').query(READ, { id });
    const feed = await clerk('acme').subscribe<{ customerUpdated: { name: string } }>(UPDATES, { id });
    expect(await feed.data()).toEqual({ customerUpdated: { name: 'Ada' } });
    for (const tenant of ['globex', 'initech', 'globex', 'hooli']) {
      expect((await clerk(tenant).query<Read>(READ, { id })).data.customer).toBeNull();
    }
    await clerk('acme').accepted('renameCustomer', { customerId: id, name: 'Countess' });
    expect(
      (await feed.dataWhere(({ customerUpdated }) => customerUpdated.name === 'Countess')).customerUpdated.name,
    ).toBe('Countess');
    feed.stop();
  });

  it('are opened again with all that they had', async () => {
    const { aggregateId: id } = await clerk('acme').accepted('registerCustomer', person('Ada'));
    for (const tenant of ['globex', 'initech', 'hooli']) await clerk(tenant).query(READ, { id });
    expect((await clerk('acme').query<Read>(READ, { id })).data.customer).toEqual({ name: 'Ada', version: 1 });
  });

  it('have no place while as many are in use as may be open, and are told when to ask again', async () => {
    const feeds = [];
    for (const tenant of ['acme', 'globex']) {
      const { aggregateId: id } = await clerk(tenant).accepted('registerCustomer', person('Ada'));
      // Subscriptions show what is there.
      await clerk(tenant).query(READ, { id });
      const feed = await clerk(tenant).subscribe(UPDATES, { id });
      await feed.data();
      feeds.push(feed);
    }
    const refused = await clerk('initech').query(READ, { id: randomUUID() });
    expect([refused.status, refused.code]).toEqual([503, 'THROTTLED']);
    expect(refused.headers.get('retry-after')).toBe('1');
    for (const feed of feeds) feed.stop();
  });
});

describe('a caller without a tenant', () => {
  it('is refused over HTTP, whatever they ask', async () => {
    for (const query of ['{ __typename }', '{ products { totalCount } }', 'mutation { x }', 'nonsense']) {
      const { status, code, data } = await app.anonymous.query(query);
      expect([status, code, data]).toEqual([401, 'TENANT_REQUIRED', undefined]);
    }
    const get = await app.anonymous.send({ method: 'GET', search: '?query={__typename}' });
    expect([get.status, get.code]).toEqual([401, 'TENANT_REQUIRED']);
    const signedIn = await app.as('clerk', 'staff').query('{ __typename }');
    expect([signedIn.status, signedIn.code]).toEqual([401, 'TENANT_REQUIRED']);
  });

  it('is refused over WebSocket and server-sent events', async () => {
    const socket = await app.as('clerk', 'staff').subscribe(UPDATES, { id: randomUUID() });
    expect(await socket.end()).toMatchObject({ how: 'closed', code: 4401, reason: /names no tenant/ });
    const events = await app.anonymous.send({
      method: 'POST',
      headers: { accept: 'text/event-stream', 'content-type': 'application/json' },
      body: JSON.stringify({ query: UPDATES, variables: { id: randomUUID() } }),
    });
    expect([events.status, events.code]).toEqual([401, 'TENANT_REQUIRED']);
  });

  it('still gets GraphiQL, which has no data of anybody', async () => {
    const page = await app.anonymous.send({ method: 'GET', headers: { accept: 'text/html' } });
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  });
});

it('does not tell how many tenants there are, or their names, to those who ask whether the server is ready', async () => {
  await clerk('acme').query(READ, { id: randomUUID() });
  const ready = await fetch(`${app.url}/readyz`);
  const body = (await ready.json()) as Record<string, unknown>;
  expect(ready.status).toBe(200);
  expect(body).toMatchObject({ status: 'ready', reasons: [], tenants: { limit: 2, failing: 0 } });
  expect(JSON.stringify(body)).not.toContain('acme');
});

it('measures all open tenants together', async () => {
  const { aggregateId: id } = await clerk('acme').accepted('registerCustomer', person('Ada'));
  // Until then the read model may be behind.
  await clerk('acme').query(READ, { id });
  const text = await (await fetch(`${app.url}/metrics`)).text();
  expect(text).toMatch(/^afterwrite_tenants_open 2$/m);
  expect(text).toMatch(/^afterwrite_projection_lag_events\{projection="customers"\} 0$/m);
  expect(text).not.toContain('acme');
});
