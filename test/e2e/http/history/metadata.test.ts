import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { outcomeFields } from '../../../support/client/http-client.ts';
import { registerCustomer } from '../../../support/client/shop.ts';
import { eventsOf } from '../../../support/kernel/log.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp();
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

const metadataOf = async (id: string) => (await eventsOf(app.database, id)).map(({ metadata }) => metadata);

describe('an event', () => {
  it('knows the request that it came from, and its trace', async () => {
    const headers = { 'x-correlation-id': 'checkout-17', traceparent: TRACE };
    const { aggregateId } = await registerCustomer(app, {}, { headers });
    expect(await metadataOf(aggregateId)).toEqual([
      { actor: { id: 'developer', roles: ['admin'] }, correlationId: 'checkout-17', traceparent: TRACE },
    ]);
  });

  it('gets a correlation id of its own request if the client brings none', async () => {
    const [one, two] = await Promise.all([registerCustomer(app), registerCustomer(app)]);
    const [first] = await metadataOf(one.aggregateId);
    const [second] = await metadataOf(two.aggregateId);
    expect(first?.correlationId).toMatch(/^[0-9a-f-]{36}$/);
    expect(first?.correlationId).not.toBe(second?.correlationId);
    expect(first).not.toHaveProperty('traceparent');
  });

  it('shares it with all that the request has caused', async () => {
    const id = randomUUID();
    await app.query(
      `mutation {
        registerCustomer(input: { id: "${id}", name: "Ada", email: "ada@example.org" }) { ${outcomeFields()} }
        renameCustomer(input: { customerId: "${id}", name: "Countess" }) { ${outcomeFields()} }
      }`,
      {},
      { headers: { 'x-correlation-id': 'both' } },
    );
    expect((await metadataOf(id)).map(({ correlationId }) => correlationId)).toEqual(['both', 'both']);
  });

  it.each(['with spaces in it', '"quoted"', 'a'.repeat(200), '{}'])('does not take over %s for one', async (value) => {
    const headers = { 'x-correlation-id': value, traceparent: '00-nonsense-01' };
    const { aggregateId } = await registerCustomer(app, {}, { headers });
    const [metadata] = await metadataOf(aggregateId);
    expect(metadata?.correlationId).toMatch(/^[0-9a-f-]{36}$/);
    expect(metadata).not.toHaveProperty('traceparent');
  });

  it('is found from the answer, which names the correlation id', async () => {
    const bare = await app.query('{ projections { name } }');
    expect(bare.headers.get('x-correlation-id')).toMatch(/^[0-9a-f-]{36}$/);
    const named = await app.query('{ projections { name } }', {}, { headers: { 'x-correlation-id': 'checkout-18' } });
    expect(named.headers.get('x-correlation-id')).toBe('checkout-18');
  });
});
