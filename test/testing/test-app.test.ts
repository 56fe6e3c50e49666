import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import shop from '../../src/app.ts';
import { createTestApp } from '../../src/testing/create-test-app.ts';
import type { TestApp } from '../../src/testing/test-app.ts';
import { connect } from '../support/postgres/database.ts';

const AT = '2026-03-02T10:00:00.000Z';
const READ = 'query ($id: ID!) { customer(id: $id) { name } }';
const ada = { name: 'Ada', email: 'ada@example.org' };

const openApp = (at?: string) =>
  createTestApp(shop, { env: { TEST_DATABASE_URL: inject('serverUrl') }, ...(at ? { at } : {}) });

let app: TestApp;
beforeAll(async () => {
  app = await openApp(AT);
});
afterAll(() => app?.close());

/** The times of the events of a stream. */
const timesOf = (id: string) => app.sql`
  select occurred_at as "occurredAt", recorded_at as "recordedAt" from es.events where stream_id = ${id} order by version`;

it('lets every client read what any of them has written', async () => {
  const { aggregateId: id } = await app.as('clerk', 'staff').accepted('registerCustomer', ada);
  expect((await app.as('root', 'admin').query(READ, { id })).data).toEqual({ customer: { name: 'Ada' } });
});

it('checks who its clients are as a server in production does', async () => {
  const { aggregateId: id } = await app.as('clerk', 'staff').accepted('registerCustomer', ada);
  expect((await app.as(id, 'customer').query(READ, { id })).data).toEqual({ customer: { name: 'Ada' } });
  expect((await app.as('somebody', 'customer').query(READ, { id })).data).toEqual({ customer: null });
  expect((await app.anonymous.query(READ, { id })).code).toBe('UNAUTHENTICATED');
});

it('says what a command was answered that a test expects to be accepted', async () => {
  const refused = app.as('clerk', 'staff').accepted('registerCustomer', { ...ada, name: '' });
  await expect(refused).rejects.toThrow(/registerCustomer was answered .*VALIDATION_FAILED/);
});

describe('its clock', () => {
  it('is the time at which events occur and are recorded, to the millisecond', async () => {
    const at = app.clock.now();
    const { aggregateId } = await app.as('clerk', 'staff').accepted('registerCustomer', ada);
    expect(await timesOf(aggregateId)).toEqual([{ occurredAt: at, recordedAt: at }]);
    await app.clock.advance({ days: 40, minutes: 1 });
    const later = new Date(at.getTime() + 40 * 86_400_000 + 60_000);
    expect(app.clock.now()).toEqual(later);
    await app.as('clerk', 'staff').accepted('renameCustomer', { customerId: aggregateId, name: 'Countess' });
    expect((await timesOf(aggregateId))[1]).toEqual({ occurredAt: later, recordedAt: later });
  });

  it('stands still over a restart', async () => {
    const at = app.clock.now();
    await app.restart();
    expect(app.clock.now()).toEqual(at);
  });

  it('cannot be set back, to no instant, or to a time without a zone', async () => {
    const before = app.clock.set(new Date(app.clock.now().getTime() - 1));
    await expect(before).rejects.toThrow(/cannot be set back from \S+Z to \S+Z/);
    await expect((async () => app.clock.set('tomorrow'))()).rejects.toThrow('"tomorrow"');
    await expect((async () => app.clock.set('2030-01-01T10:00:00'))()).rejects.toThrow('has no time zone');
  });

  it('runs until it is set', async () => {
    await using running = await openApp();
    const first = running.clock.now();
    const [row] = await running.sql<{ now: Date }[]>`select es.now() as now`;
    expect(Math.abs((row?.now.getTime() ?? 0) - first.getTime())).toBeLessThan(60_000);
    await running.clock.advance({ days: 1 });
    expect(running.clock.now().getTime() - first.getTime()).toBeGreaterThanOrEqual(86_400_000);
  });
});

it('finds inputs that a mutation must refuse from its schema, and none that it may accept', async () => {
  const clerk = app.as('clerk', 'staff');
  const { aggregateId: noteId } = await clerk.accepted('createNote', { title: 'Tea', content: '' });
  const cases = app.badInputs('editNote', { noteId, content: 'Black.' });
  // The content of a note may be empty: the schema says so.
  expect(cases.map(({ what }) => what)).toEqual(expect.arrayContaining(['noteId missing', 'content: null']));
  expect(cases.map(({ what }) => what)).not.toContain('content: ""');
  for (const { what, input } of cases) {
    const answer = await clerk.tryCommand('editNote', input);
    expect([what, answer.code ?? answer.data?.editNote?.code]).toEqual([
      what,
      expect.stringMatching(/^(BAD_USER_INPUT|VALIDATION_FAILED)$/),
    ]);
  }
});

it('leaves no database behind', async () => {
  const closed = await openApp(AT);
  const [row] = await closed.sql<{ name: string }[]>`select current_database() as name`;
  await closed.close();
  const server = connect(inject('serverUrl'));
  expect(await server`select from pg_database where datname = ${row?.name ?? ''}`).toHaveLength(0);
  await server.end();
});
