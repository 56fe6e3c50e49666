import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { afterEach, describe, expect, it } from 'vitest';
import { disposeOf, socketClient, subscribeWith } from '../../src/testing/clients/sockets.ts';
import { caughtUp } from '../support/client/caught-up.ts';
import { openShop, placeOrder, registerCustomer } from '../support/client/shop.ts';
import { useTransports } from '../support/client/transports.ts';
import { eventsOf } from '../support/kernel/log.ts';
import { stall } from '../support/postgres/stall.ts';
import { useApp } from '../support/server/app.ts';
import { traceparent, useSpans } from '../support/spans.ts';
import { until } from '../support/until.ts';

const spans = useSpans();
const app = useApp({ per: 'test' });
const open = useTransports(app);

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const SENT = { traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-01`, 'x-correlation-id': 'checkout-17' };

const traceOf = (span: ReadableSpan | undefined) => span?.spanContext().traceId;
const parentOf = (span: ReadableSpan | undefined) => span?.parentSpanContext?.spanId;
const idOf = (span: ReadableSpan | undefined) => span?.spanContext().spanId;
const linksOf = (span: ReadableSpan | undefined) => span?.links.map(({ context }) => context.spanId) ?? [];
/** Waits for a span. */
const ended = (name: string, condition?: (span: ReadableSpan) => boolean) =>
  until(() => spans.find(name, condition)) as Promise<ReadableSpan>;

describe('a mutation', () => {
  it('is traced from the client’s trace to the command, its append, the projection and the notification', async () => {
    const updates = open('WebSocket').subscribe(
      'subscription { projectionUpdated(projections: ["customers"]) { token } }',
    );
    await until(() => app.engine.readSide.hub.size > 0);
    const { aggregateId, commandId, token } = await registerCustomer(app, {}, { headers: SENT });
    await updates.data();

    const mutation = await ended('mutation');
    expect(traceOf(mutation)).toBe(TRACE_ID);
    expect(parentOf(mutation)).toBe('00f067aa0ba902b7');
    const command = await ended('command registerCustomer');
    expect(parentOf(command)).toBe(idOf(mutation));
    expect(command.attributes).toMatchObject({
      'afterwrite.aggregate': 'Customer',
      'afterwrite.aggregate_id': aggregateId,
      'afterwrite.command_id': commandId,
      'afterwrite.correlation_id': 'checkout-17',
      'afterwrite.outcome': 'accepted',
      'afterwrite.position': app.engine.tokens.decode(token),
    });
    const append = await ended('append');
    expect(parentOf(append)).toBe(idOf(command));
    expect(linksOf(append)).toEqual([idOf(command)]);

    const [event] = await eventsOf(app.database, aggregateId);
    expect(event?.metadata.traceparent).toBe(traceparent(command));

    const project = await ended('project customers');
    expect(parentOf(project)).toBe(idOf(command));
    expect(linksOf(project)).toEqual([idOf(command)]);
    expect(project.attributes).toMatchObject({ 'afterwrite.events': 1, 'afterwrite.rows': 1 });
    const notify = await ended('notify customers');
    expect(parentOf(notify)).toBe(idOf(project));
    expect(new Set([mutation, command, append, project, notify].map(traceOf))).toEqual(new Set([TRACE_ID]));
  });

  it('begins a trace of its own if the client brings none', async () => {
    await Promise.all([registerCustomer(app), registerCustomer(app)]);
    const mutations = spans.all().filter(({ name }) => name === 'mutation');
    expect(mutations.map(parentOf)).toEqual([undefined, undefined]);
    expect(new Set(mutations.map(traceOf)).size).toBe(2);
  });

  it('shares its append and its projection’s batch with others: each is linked', async () => {
    const release = await stall(app.database, 'customers');
    const count = 5;
    const all = Array.from(
      { length: count },
      (_, index) => `c${index}: registerCustomer(input: $input) { __typename }`,
    );
    const input = { name: 'Ada', email: 'ada@example.org' };
    await registerCustomer(app);
    await Promise.all(
      all.map((field) => app.query(`mutation ($input: RegisterCustomerInput!) { ${field} }`, { input })),
    );
    await release();
    const commands = spans.all().filter(({ name }) => name === 'command registerCustomer');
    expect(commands).toHaveLength(count + 1);
    const linked = (name: string) => spans.all().flatMap((span) => (span.name === name ? linksOf(span) : []));
    await until(() => linked('project customers').length >= count + 1);
    expect(new Set(linked('project customers'))).toEqual(new Set(commands.map(idOf)));
    expect(new Set(linked('append'))).toEqual(new Set(commands.map(idOf)));
  });

  it('that is refused or rejected has not failed; a fault has, and its message stays out of the trace', async () => {
    const { aggregateId: customerId } = await registerCustomer(app);
    await app.command('renameCustomer', { customerId, name: 'Countess' }, { expectedVersion: 9 });
    const conflict = await ended('command renameCustomer');
    expect(conflict.attributes['afterwrite.outcome']).toBe('conflict');
    expect(conflict.status.code).toBe(0);
    await app.database.sql`alter table es.streams rename column occurred_at to lost`;
    await app.tryCommand('registerCustomer', { name: 'Xanthippe', email: 'xanthippe@quirk.example' });
    const failed = await ended('command registerCustomer', ({ attributes }) => attributes['error.type'] !== undefined);
    expect(failed.attributes['afterwrite.outcome']).toBe('failed');
    expect(failed.status.code).toBe(2);
    expect((await ended('mutation', ({ status }) => status.code === 2)).attributes['graphql.errors']).toBe(1);
    const told = JSON.stringify(spans.all().map(({ attributes, status, events }) => ({ attributes, status, events })));
    expect(told).not.toMatch(/xanthippe|quirk|failed query/i);
  });

  it('is not traced if the client’s trace is not sampled, nor is anything that it causes', async () => {
    const headers = { traceparent: SENT.traceparent.replace(/01$/, '00') };
    const { aggregateId, token } = await registerCustomer(app, {}, { headers });
    await caughtUp(app, token);
    expect(spans.all().map(({ name }) => name)).toEqual([]);
    const [event] = await eventsOf(app.database, aggregateId);
    expect(event?.metadata.traceparent).toMatch(new RegExp(`^00-${TRACE_ID}-[0-9a-f]{16}-00$`));
  });
});

describe('a query', () => {
  it('shows for how long it waited for its read models', async () => {
    const { aggregateId: id, token } = await placeOrder(app, await openShop(app));
    await app.query(`query Mine @readAfter(token: "${token}") { order(id: "${id}") { id } }`, {}, { headers: SENT });
    const query = await ended('query');
    expect(traceOf(query)).toBe(TRACE_ID);
    expect(query.attributes).toMatchObject({ 'graphql.operation.name': 'Mine', 'graphql.operation.type': 'query' });
    const wait = await ended('query wait');
    expect(parentOf(wait)).toBe(idOf(query));
    expect(wait.attributes).toMatchObject({ 'afterwrite.position': app.engine.tokens.decode(token) });
    expect(wait.attributes['afterwrite.projections']).toContain('orders');
  });
});

describe('a subscription over WebSocket', () => {
  const clients: ReturnType<typeof socketClient>[] = [];
  afterEach(() => Promise.all(clients.splice(0).map(disposeOf)));
  const connect = (connectionParams: Record<string, unknown> = {}) => {
    const client = socketClient(app.url, undefined, connectionParams);
    clients.push(client);
    return client;
  };
  const query = 'subscription { projectionUpdated { projection } }';

  it('belongs to the trace that came with the connection', async () => {
    const feed = subscribeWith(connect(SENT), query);
    const span = await ended('subscription');
    expect([traceOf(span), parentOf(span)]).toEqual([TRACE_ID, '00f067aa0ba902b7']);
    expect(span.attributes['afterwrite.correlation_id']).toBe('checkout-17');
    feed.stop();
  });

  it('or with the operation, which goes before', async () => {
    const extensions = { traceparent: SENT.traceparent.replace(TRACE_ID, 'a'.repeat(32)) };
    const stop = connect(SENT).subscribe(
      { query, extensions },
      { next: () => {}, error: () => {}, complete: () => {} },
    );
    expect(traceOf(await ended('subscription'))).toBe('a'.repeat(32));
    stop();
  });
});
