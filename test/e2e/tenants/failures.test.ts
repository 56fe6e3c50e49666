import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { TemplateDatabases } from '../../../src/database/tenants/tenant-databases.ts';
import { defineAggregate } from '../../../src/kernel/define/aggregate.ts';
import { defineEvent } from '../../../src/kernel/define/event.ts';
import { personal } from '../../../src/kernel/define/personal/personal.ts';
import { FileKeyring } from '../../../src/kernel/privacy/file-keyring/file-keyring.ts';
import { createTestApp } from '../../../src/testing/create-test-app.ts';
import type { TestApp } from '../../../src/testing/test-app.ts';
import { clerkOf, openTenants, shopOf } from '../../support/tenants/tenants.ts';

const READ = 'query ($id: ID!) { customer(id: $id) { name } }';
const person = { name: 'Ada', email: 'ada@example.org' };

/** Nobody listens there. */
const NOWHERE = 'postgres://nobody@127.0.0.1:1/nothing';

describe('a tenant whose database cannot be used', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await openTenants('database', {}, ({ databaseUrl = '' }) => {
      const beside = TemplateDatabases.beside(databaseUrl);
      return {
        urlOf: async (tenant) => (tenant === 'broken' ? NOWHERE : beside.urlOf(tenant === 'thief' ? 'acme' : tenant)),
        list: () => beside.list(),
        create: (tenant) => beside.create(tenant),
      };
    });
    await app.as(clerkOf('acme')).accepted('registerCustomer', person);
  });
  afterAll(() => app?.close());

  const ask = (tenant: string) => app.as(clerkOf(tenant)).query(READ, { id: randomUUID() }, { readAfter: '' });
  const failures = () => app.log.filter((line) => line.includes('could not open the database of a tenant'));

  it('is refused for a moment, while others are served', async () => {
    const [broken, again, acme] = await Promise.all([ask('broken'), ask('broken'), ask('acme')]);
    for (const { status, code, headers, text } of [broken, again]) {
      expect([status, code, headers.get('retry-after')]).toEqual([503, 'THROTTLED', '2']);
      expect(text).not.toMatch(/127\.0\.0\.1|nobody|broken/);
    }
    expect(acme.data).toEqual({ customer: null });
    expect(failures()).toHaveLength(1);
    expect(JSON.parse(failures()[0] ?? '')).toMatchObject({ tenant: 'broken', err: { code: 'DATABASE_UNREACHABLE' } });
    const ready = await fetch(`${app.url}/readyz`);
    expect([ready.status, await ready.json()]).toMatchObject([
      200,
      { status: 'ready', tenants: { open: 1, failing: 1 } },
    ]);
  });

  it('is never served from the database of another tenant', async () => {
    const { status, code } = await ask('thief');
    expect([status, code]).toEqual([503, 'THROTTLED']);
    expect(JSON.parse(failures().at(-1) ?? '')).toMatchObject({
      tenant: 'thief',
      err: {
        code: 'DATABASE_OF_ANOTHER',
        message: expect.stringContaining('It is the database of the tenant acme. Two tenants never share one.'),
      },
    });
  });
});

describe('a store that cannot be served', () => {
  it('is refused at the start if one witness would get the heads of all tenants', async () => {
    const key = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const env = { AUDIT_KEY: key, AUDIT_WITNESS: 'https://witness.example/heads' };
    await expect(openTenants('database', env)).rejects.toThrow('AUDIT_WITNESS must have {tenant} in it');
  });

  it('gives back what was opened for it', async () => {
    let opened = 0;
    const Told = defineEvent('Told', { data: z.object({ what: personal(z.string()) }) });
    const Secret = defineAggregate('Secret', {
      initialState: () => ({}),
      events: { Told },
      evolve: { Told: (state) => state },
    });
    const folder = await mkdtemp(join(tmpdir(), 'keyring-'));
    await FileKeyring.create(join(folder, 'keyring'));
    const shop = shopOf('database');
    const app = await createTestApp(
      {
        ...shop,
        // Nothing says whom the event is about.
        domains: shop.domains.map((domain) => ({
          ...domain,
          aggregates: [...domain.aggregates, ...(domain.name === 'customers' ? [Secret] : [])],
        })),
        adapters: async () => {
          opened++;
          return { adapters: [], release: async () => void opened-- };
        },
      },
      { env: { TEST_DATABASE_URL: inject('serverUrl'), KEYRING_URL: `file:${join(folder, 'keyring')}` } },
    );
    expect((await app.as(clerkOf('acme')).query('{ __typename }')).status).toBe(503);
    expect(app.log.join()).toContain('SUBJECT_MISSING');
    expect(opened).toBe(0);
    await app.close();
    await rm(folder, { recursive: true });
  });
});

describe('tenants that are not created on demand', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await openTenants('database', { TENANT_CREATE: 'off' });
  });
  afterAll(() => app?.close());

  it('are unknown until an operator creates them', async () => {
    const { status, code, text } = await app.as(clerkOf('acme')).query(READ, { id: randomUUID() });
    expect([status, code]).toEqual([403, 'TENANT_UNKNOWN']);
    expect(text).not.toContain('acme');
    const feed = await app.as(clerkOf('acme')).subscribe('subscription { live { products { totalCount } } }');
    expect((await feed.next()).errors).toMatchObject([{ extensions: { code: 'TENANT_UNKNOWN' } }]);
  });
});

describe('a server that stops', () => {
  it('finishes the commands of all tenants, and what it has acknowledged is there afterwards', async () => {
    await using app = await openTenants('database');
    const tenants = ['acme', 'globex', 'initech'];
    const clients = tenants.map((tenant) => app.as(clerkOf(tenant)));
    for (const client of clients) await client.accepted('registerCustomer', person);
    const sent = clients.flatMap((client, of) =>
      Array.from({ length: 20 }, async () => {
        const answer = await client.tryCommand('registerCustomer', person).catch(() => undefined);
        const outcome = answer?.data?.registerCustomer;
        return outcome?.__typename === 'CommandReceipt' ? { tenant: tenants[of], id: outcome.aggregateId } : undefined;
      }),
    );
    // Some of them are answered before, most are not.
    await Promise.race(sent);
    const restarted = app.restart();
    const acknowledged = (await Promise.all(sent)).filter((each) => each !== undefined);
    await restarted;
    expect(acknowledged.length).toBeGreaterThan(0);
    for (const { tenant = '', id } of acknowledged) {
      const { data } = await app.as(clerkOf(tenant)).query(READ, { id });
      expect(data).toEqual({ customer: { name: 'Ada' } });
    }
  });
});
