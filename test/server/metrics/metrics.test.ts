import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Metrics } from '../../../src/server/metrics/metrics.ts';
import { caughtUp } from '../../support/client/caught-up.ts';
import { openShop, placeOrder, registerCustomer } from '../../support/client/shop.ts';
import { useTransports } from '../../support/client/transports.ts';
import { receiptOf } from '../../support/kernel/appends.ts';
import { counterDomain, countersTable, incrementCounter, openCounter, system } from '../../support/kernel/counter.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { stall } from '../../support/postgres/stall.ts';
import { useApp } from '../../support/server/app.ts';
import { parseMetrics, type Scrape } from '../../support/server/prometheus.ts';
import { until } from '../../support/until.ts';

async function scrape(app: { readonly url: string }): Promise<Scrape> {
  const response = await fetch(`${app.url}/metrics`);
  expect(response.status).toBe(200);
  return parseMetrics(await response.text());
}

describe('GET /metrics', () => {
  const app = useApp({ per: 'test', fulfils: false });
  const other = useApp();
  const open = useTransports(app);

  it('is what Prometheus reads, with the process beside the application', async () => {
    const response = await fetch(`${app.url}/metrics`);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const { names, value } = parseMetrics(await response.text());
    expect(names.filter((name) => !/^(afterwrite|process|nodejs)_/.test(name))).toEqual([]);
    expect(names).toContain('nodejs_eventloop_lag_seconds');
    expect(value('process_resident_memory_bytes')).toBeGreaterThan(1_000_000);
  });

  it('is described, each metric by its name', async () => {
    const page = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
    const { names } = await scrape(app);
    const ours = names.filter((name) => name.startsWith('afterwrite_'));
    expect(ours.filter((name) => !new RegExp(`\\b${name.replace('afterwrite_', '')}\\b`).test(page))).toEqual([]);
  });

  it('counts commands by how they ended', async () => {
    const commandId = randomUUID();
    const { aggregateId: customerId } = await registerCustomer(app, {}, { commandId });
    await registerCustomer(app, {}, { commandId });
    await app.command('registerCustomer', { name: 'Bob', email: 'bob@example.org' }, { commandId });
    await app.command('renameCustomer', { customerId, name: 'Countess' }, { expectedVersion: 7 });
    await app.command('renameCustomer', { customerId: randomUUID(), name: 'Nobody' });
    await app.command('renameCustomer', { customerId, name: ' ' });
    const { value } = await scrape(app);
    const ended = (command: string, kind: string) => value('afterwrite_commands_total', { command, kind });
    expect(ended('registerCustomer', 'accepted')).toBe(1);
    expect(ended('registerCustomer', 'replayed')).toBe(1);
    expect(ended('registerCustomer', 'reused')).toBe(1);
    expect(ended('renameCustomer', 'conflict')).toBe(1);
    expect(ended('renameCustomer', 'notFound')).toBe(1);
    expect(ended('renameCustomer', 'invalid')).toBe(1);
    expect(value('afterwrite_command_duration_seconds_count', { command: 'registerCustomer' })).toBe(3);
    expect(value('afterwrite_operation_duration_seconds_count', { kind: 'mutation' })).toBe(6);
    expect(value('afterwrite_faults_total', { kind: 'request' })).toBe(0);
  });

  it('says what was appended, in which batches, and how far each projection is', async () => {
    const { token } = await placeOrder(app, await openShop(app));
    await caughtUp(app, token);
    const position = app.engine.tokens.decode(token);
    const { value, series } = await scrape(app);
    expect(value('afterwrite_appended_events_total')).toBe(position);
    expect(value('afterwrite_appends_total', { kind: 'accepted' })).toBe(4);
    expect(value('afterwrite_append_batch_size_sum')).toBe(4);
    const batches = value('afterwrite_append_batch_size_count');
    expect(value('afterwrite_append_duration_seconds_count')).toBe(batches);
    expect(value('afterwrite_append_wait_seconds_count')).toBe(batches);
    expect(value('afterwrite_append_queue_depth')).toBe(0);
    expect(value('afterwrite_append_queue_limit')).toBe(10_000);
    expect(value('afterwrite_append_oldest_wait_seconds')).toBe(0);
    expect(value('afterwrite_stalls')).toBe(0);
    expect(value('afterwrite_log_head_position')).toBe(position);
    const projections = series('afterwrite_projection_position').map(({ labels }) => labels.projection as string);
    expect(projections.sort()).toEqual([...app.engine.projector.positions.names].sort());
    for (const projection of projections) {
      expect(value('afterwrite_projection_position', { projection })).toBe(position);
      expect(value('afterwrite_projection_events_total', { projection })).toBe(position);
      expect(value('afterwrite_projection_lag_events', { projection })).toBe(0);
      expect(value('afterwrite_projection_lag_seconds', { projection })).toBe(0);
      expect(value('afterwrite_projection_owned', { projection })).toBe(1);
      expect(value('afterwrite_projection_dead_letters', { projection })).toBe(0);
      expect(value('afterwrite_projection_state', { projection, state: 'RUNNING' })).toBe(1);
      expect(value('afterwrite_projection_state', { projection, state: 'STALLED' })).toBe(0);
    }
    expect(value('afterwrite_projection_rows_total', { projection: 'orders' })).toBe(1);
    expect(value('afterwrite_projection_delay_seconds_count', { projection: 'orders' })).toBeGreaterThan(0);
  });

  it('says how far a projection lags, and who waits for it', async () => {
    const { aggregateId: id } = await registerCustomer(app);
    const release = await stall(app.database, 'customers');
    const { token } = await app.command('renameCustomer', { customerId: id, name: 'Countess' });
    const late = await app.query(
      `query @readAfter(token: "${token}", timeoutMs: 20) { customer(id: "${id}") { name } }`,
    );
    expect(late.code).toBe('CONSISTENCY_TIMEOUT');
    const waiting = app.query(`query @readAfter(token: "${token}") { customer(id: "${id}") { name } }`);
    await until(() => app.engine.readSide.positions.waiting > 0);
    const during = await scrape(app);
    expect(during.value('afterwrite_waiters')).toBe(1);
    expect(during.value('afterwrite_projection_lag_events', { projection: 'customers' })).toBeGreaterThan(0);
    expect(during.value('afterwrite_projection_lag_seconds', { projection: 'customers' })).toBeGreaterThan(0.02);
    expect(during.value('afterwrite_operation_errors_total', { kind: 'query' })).toBe(1);
    await release();
    expect((await waiting).data).toEqual({ customer: { name: 'Countess' } });
    const after = await scrape(app);
    expect(after.value('afterwrite_waiters')).toBe(0);
    expect(after.value('afterwrite_read_wait_seconds_count', { kind: 'late' })).toBe(1);
    expect(after.value('afterwrite_read_wait_seconds_count', { kind: 'reached' })).toBe(1);
    expect(after.value('afterwrite_read_wait_seconds_sum', { kind: 'late' })).toBeGreaterThan(0.015);
  });

  it.each(['WebSocket', 'SSE by POST'] as const)('counts subscribers over %s while they are there', async (way) => {
    const before = (await scrape(app)).value('afterwrite_subscribers');
    expect(before).toBe(0);
    const transport = open(way);
    const updates = transport.subscribe('subscription { projectionUpdated { projection } }');
    const { aggregateId: id, token } = await placeOrder(app, await openShop(app));
    await caughtUp(app, token);
    const order = transport.subscribe(`subscription { orderUpdated(id: "${id}") { id } }`);
    await order.data();
    await updates.data();
    const during = await scrape(app);
    expect(during.value('afterwrite_subscribers')).toBe(2);
    expect(during.value('afterwrite_live_rows')).toBe(1);
    expect(during.value('afterwrite_subscription_bytes')).toBeGreaterThan(10_000);
    expect(during.value('afterwrite_event_streams')).toBe(way === 'WebSocket' ? 0 : 2);
    updates.stop();
    order.stop();
    await until(async () => (await scrape(app)).value('afterwrite_subscribers') === 0);
    await until(async () => (await scrape(app)).value('afterwrite_subscription_bytes') === 0);
  });

  it.each([
    ['ahead', 31],
    ['behind', -31],
  ])("says how far this machine's clock is %s of Postgres'", async (_, seconds) => {
    const skew = async () => (await scrape(app)).value('afterwrite_clock_skew_seconds');
    const before = await skew();
    expect(before).toBeGreaterThan(-1);
    expect(before).toBeLessThan(1);
    const now = Date.now;
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => now() + seconds * 1000);
    onTestFinished(() => clock.mockRestore());
    const told = (await skew()) ?? 0;
    expect(told).toBeGreaterThan(seconds - 1);
    expect(told).toBeLessThan(seconds + 1);
  });

  it('counts faults, and what was refused', async () => {
    await app.database.sql`alter table read.orders_v3 rename to lost`;
    await app.query('{ orders { edges { node { id } } } }');
    const { value } = await scrape(app);
    expect(value('afterwrite_faults_total', { kind: 'request' })).toBe(1);
    expect(value('afterwrite_operation_errors_total', { kind: 'query' })).toBe(1);
  });

  it('is of its own application, if a process has several', async () => {
    await registerCustomer(app);
    const kind = 'accepted';
    const [here, there] = await Promise.all([scrape(app), scrape(other)]);
    expect(here.value('afterwrite_appends_total', { kind })).toBe(1);
    expect(there.value('afterwrite_appends_total', { kind })).toBe(0);
  });

  it('is refused under a foreign name, as the API is', async () => {
    const status = await new Promise((resolve) => {
      const sent = request(`${app.url}/metrics`, { headers: { host: 'evil.example' } });
      sent.end().on('response', (response) => resolve(response.resume().statusCode));
    });
    expect(status).toBe(403);
  });
});

describe('with METRICS=off', () => {
  const app = useApp({ env: { METRICS: 'off' } });

  it('there is no such path', async () => {
    await registerCustomer(app);
    const response = await fetch(`${app.url}/metrics`);
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({ status: 'not found', try: ['/graphql', '/livez', '/readyz'] });
  });
});

describe('the metrics of engines on one database', () => {
  const database = useDatabase({ tables: [countersTable], per: 'emptied' });
  const openEngine = useEngine(database, [counterDomain]);

  it('count a conflict even if the command was decided again and accepted', async () => {
    const metrics = new Metrics();
    const [one, two] = await Promise.all([openEngine({ subscribers: [metrics] }), openEngine()]);
    const { aggregateId: counterId } = receiptOf(await one.bus.execute(openCounter, { label: 'a' }, system));
    receiptOf(await two.bus.execute(incrementCounter, { counterId }, system));
    receiptOf(await one.bus.execute(incrementCounter, { counterId }, system));
    const { value } = parseMetrics((await metrics.scrape()).text);
    expect(value('afterwrite_appends_total', { kind: 'conflict' })).toBe(1);
    expect(value('afterwrite_appends_total', { kind: 'accepted' })).toBe(2);
    expect(value('afterwrite_commands_total', { command: 'incrementCounter', kind: 'accepted' })).toBe(1);
    expect(value('afterwrite_commands_total', { command: 'incrementCounter', kind: 'conflict' })).toBeUndefined();
  });
});
