import { SignJWT } from 'jose';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FetchClient } from '../../docs/example/clients/fetch.ts';
import { roomsDomain } from '../../docs/example/rooms/index.ts';
import { bookingsTable, roomsTable } from '../../docs/example/rooms/read-models.ts';
import shop from '../../src/app.ts';
import { type RunningServer, startServer } from '../../src/server/server.ts';
import { readConfig } from '../../src/settings/config.ts';
import { BOB } from '../domains/fixtures.ts';
import { HttpClient } from '../support/client/http-client.ts';
import { useDatabase } from '../support/postgres/database.ts';

const AUTH_JWT_SECRET = 'a secret of these tests and of nothing else';
const database = useDatabase({ tables: [roomsTable, bookingsTable], per: 'file' });
let app: RunningServer;
let clerk: string;
beforeAll(async () => {
  const config = readConfig({ DATABASE_URL: database.url, PORT: '0', AUTH_JWT_SECRET }, shop.settings);
  app = await startServer({ ...shop, domains: [...shop.domains, roomsDomain] }, config, pino({ level: 'silent' }));
  clerk = await tokenOf('clerk', 'staff');
});
afterAll(() => app.stop());
const client = new HttpClient(() => app.url);

/** An access token. */
function tokenOf(id: string, role: string): Promise<string> {
  const key = new TextEncoder().encode(AUTH_JWT_SECRET);
  return new SignJWT({ roles: [role] })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(id)
    .setExpirationTime('1h')
    .sign(key);
}

interface RoomView {
  readonly open: boolean;
  readonly booked: number;
  readonly version: number;
}
interface Days {
  readonly edges: readonly { readonly node: { readonly day: string; readonly cancelled: boolean } }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
}

/** Two of the room's bookings, as the bearer of a token sees them after what was written. */
async function bookingsOf(id: string, token: string, after: { cursor?: string; written?: string } = {}): Promise<Days> {
  const query = /* GraphQL */ `
    query ($id: ID!, $cursor: String) {
      room(id: $id) {
        bookings(first: 2, after: $cursor) {
          edges { node { day cancelled customer { name } } }
          pageInfo { hasNextPage endCursor }
        }
      }
    }`;
  const headers: Record<string, string> = after.written ? { 'read-after': after.written } : {};
  const { data } = await client.query<{ room: { bookings: Days } }>(query, { id, ...after }, { token, headers });
  return data.room.bookings;
}

async function openRoom(): Promise<{ id: string; written: string }> {
  const { aggregateId, token } = await client.command('openRoom', { name: 'Attic', seats: 8 }, { token: clerk });
  return { id: aggregateId, written: token };
}

async function registerAda(): Promise<{ customerId: string; token: string }> {
  const person = { name: 'Ada', email: 'ada@example.org' };
  const { aggregateId } = await client.command('registerCustomer', person, { token: clerk });
  return { customerId: aggregateId, token: await tokenOf(aggregateId, 'customer') };
}

describe('the example domain, mounted beside the shop', () => {
  it('answers a query with a receipt’s token with what the command has done', async () => {
    const { id, written } = await openRoom();
    const query = /* GraphQL */ `
      query ($id: ID!, $written: ConsistencyToken!) @readAfter(token: $written) {
        room(id: $id) { name seats open booked version }
        rooms(first: 100) { edges { node { id } } }
      }`;
    const { data } = await client.query(query, { id, written });
    expect(data).toMatchObject({
      room: { name: 'Attic', seats: 8, open: true, booked: 0, version: 1 },
      rooms: { edges: expect.arrayContaining([{ node: { id } }]) },
    });
  });

  it('lets a customer book and cancel, and shows their bookings to nobody else', async () => {
    const { id } = await openRoom();
    const { customerId, token } = await registerAda();
    const booking = { roomId: id, customerId, people: 4 };
    for (const [index, day] of ['2026-03-09', '2026-03-10', '2026-03-11'].entries()) {
      const query = `room(id: "${id}") { booked version }`;
      const booked = await client.command('bookRoom', { ...booking, day }, { token, query });
      expect(booked.query).toEqual({ room: { booked: index + 1, version: index + 2 } });
    }
    const again = await client.command('bookRoom', { ...booking, day: '2026-03-09' }, { token });
    expect(again).toMatchObject({ __typename: 'CommandRejected', code: 'ROOM_ALREADY_BOOKED' });
    const bob = await tokenOf(BOB, 'customer');
    const stolen = await client.tryCommand('bookRoom', { ...booking, day: '2026-03-12' }, { token: bob });
    expect(stolen.code).toBe('FORBIDDEN');

    const cancelled = await client.command('cancelBooking', { roomId: id, day: '2026-03-10' }, { token });
    const first = await bookingsOf(id, token, { written: cancelled.token });
    expect(first.edges).toEqual([
      { node: { day: '2026-03-09', cancelled: false, customer: { name: 'Ada' } } },
      { node: { day: '2026-03-10', cancelled: true, customer: { name: 'Ada' } } },
    ]);
    const second = await bookingsOf(id, token, { cursor: first.pageInfo.endCursor });
    expect(second).toMatchObject({ edges: [{ node: { day: '2026-03-11' } }], pageInfo: { hasNextPage: false } });
    expect((await bookingsOf(id, bob)).edges).toEqual([]);
  });

  it('cancels the bookings of a room that is closed', async () => {
    const { id } = await openRoom();
    const { customerId, token } = await registerAda();
    for (const day of ['2026-03-09', '2026-03-10']) {
      await client.command('bookRoom', { roomId: id, customerId, people: 4, day }, { token });
    }
    const closed = await client.command('closeRoom', { roomId: id }, { token: clerk });
    const { edges } = await bookingsOf(id, token, { written: closed.token });
    expect(edges.map(({ node }) => node.cancelled)).toEqual([true, true]);
  });

  it('sends the room to whoever watches it, each time it changes', async () => {
    const { id, written } = await openRoom();
    const { customerId, token } = await registerAda();
    const watcher = new FetchClient(`${app.url}/graphql`, { authorization: `Bearer ${token}` });
    const stop = new AbortController();
    const messages = watcher.subscribe<{ roomUpdated: RoomView }>(
      'subscription ($id: ID!, $after: ConsistencyToken) { roomUpdated(id: $id, after: $after) { open booked version } }',
      { id, after: written },
      stop.signal,
    );
    const next = async () => (await messages.next()).value?.data?.roomUpdated;
    expect(await next()).toEqual({ open: true, booked: 0, version: 1 });
    await client.command('bookRoom', { roomId: id, customerId, people: 4, day: '2026-03-09' }, { token });
    expect(await next()).toEqual({ open: true, booked: 1, version: 2 });
    await client.command('closeRoom', { roomId: id }, { token: clerk });
    expect(await next()).toEqual({ open: false, booked: 0, version: 3 });
    stop.abort();
    expect(await messages.next()).toMatchObject({ done: true });
  });
});
