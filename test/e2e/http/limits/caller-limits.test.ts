import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { socketClient, subscribeWith } from '../../../../src/testing/clients/sockets.ts';
import { registerCustomer } from '../../../support/client/shop.ts';
import { customerToken, staffToken, WITH_AUTH } from '../../../support/client/tokens.ts';
import { eventFeed } from '../../../support/client/transports.ts';
import { logSize } from '../../../support/kernel/log.ts';
import { stall } from '../../../support/postgres/stall.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';

const UPDATES = 'subscription { projectionUpdated { projection } }';
const READ = '{ projections { name } }';
const PROXIED = { TRUSTED_PROXIES: 'loopback' };
const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });
const subscribersOf = async ({ url }: { readonly url: string }) =>
  Number(/^afterwrite_subscribers (\d+)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1]);
const refusalsIn = (log: readonly string[], reason: string) =>
  log.map((line) => JSON.parse(line)).filter((line) => line.msg === 'refused' && line.reason === reason);

describe('an address that sends too many requests', () => {
  const app = useApp({ env: { ...WITH_AUTH, ...PROXIED, REQUESTS_PER_ADDRESS: '5' }, fulfils: false, per: 'test' });

  it('is told when to come again, over every transport, and others are not', async () => {
    const token = await staffToken();
    for (let sent = 0; sent < 5; sent++) expect((await app.query(READ, {}, from('192.0.2.1'))).status).toBe(200);
    const answer = await app.query(READ, {}, { ...from('192.0.2.1'), token });
    expect([answer.status, answer.code]).toEqual([429, 'THROTTLED']);
    const retryAfterMs = Number(answer.errors?.[0]?.extensions.retryAfterMs);
    expect(retryAfterMs).toBeGreaterThan(0);
    expect(retryAfterMs).toBeLessThanOrEqual(10_000);
    expect(answer.headers.get('retry-after')).toBe(String(Math.ceil(retryAfterMs / 1000)));
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);

    const events = eventFeed(app.url, 'POST', { query: UPDATES }, from('192.0.2.1').headers);
    expect((await events.next()).errors).toMatchObject([{ extensions: { code: 'THROTTLED' } }]);
    const socket = new WebSocket(
      `${app.url.replace(/^http/, 'ws')}/graphql`,
      'graphql-transport-ws',
      from('192.0.2.1'),
    );
    const [, refused] = await new Promise<[unknown, { statusCode: number; headers: Record<string, string> }]>(
      (resolve) => socket.once('unexpected-response', (...args) => resolve(args as never)),
    );
    expect(refused.statusCode).toBe(429);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    socket.on('error', () => {}).terminate();

    expect((await app.query(READ, {}, { ...from('192.0.2.2'), token })).status).toBe(200);
    expect(refusalsIn(app.log, 'address_requests')).toMatchObject([
      { level: 'warn', transport: 'http', code: 'THROTTLED', status: 429, address: '192.0.2.1' },
      { transport: 'http' },
      { transport: 'websocket', status: 429 },
    ]);
    expect(await (await fetch(`${app.url}/metrics`)).text()).toContain(
      'afterwrite_refusals_total{reason="address_requests",transport="http"} 2',
    );
  });

  it('has its body read and its token checked no more', async () => {
    for (let sent = 0; sent < 5; sent++) await app.query(READ, {}, from('192.0.2.1'));
    for (const body of ['{', 'x'.repeat(100_000)]) {
      expect(await app.post(body, { ...from('192.0.2.1'), token: 'nonsense' })).toMatchObject({ code: 'THROTTLED' });
    }
  });
});

describe('an address that sends too many bad tokens', () => {
  const app = useApp({ env: { ...WITH_AUTH, ...PROXIED, BAD_CREDENTIALS_PER_ADDRESS: '3' }, fulfils: false });

  it('gets no more tokens checked, good ones neither, and is served without one', async () => {
    for (let sent = 0; sent < 3; sent++) {
      const { status, code } = await app.query(READ, {}, { ...from('192.0.2.1'), token: 'nonsense' });
      expect([status, code]).toEqual([401, 'UNAUTHENTICATED']);
    }
    const token = await staffToken();
    expect(await app.query(READ, {}, { ...from('192.0.2.1'), token })).toMatchObject({
      status: 429,
      code: 'THROTTLED',
    });
    expect((await app.query(READ, {}, from('192.0.2.1'))).status).toBe(200);
    expect((await app.query(READ, {}, { ...from('192.0.2.2'), token })).status).toBe(200);
  });
});

describe('an actor who runs too many operations', () => {
  const app = useApp({ env: { ...WITH_AUTH, OPERATIONS_PER_ACTOR: '10' }, fulfils: false, per: 'test' });

  it('is throttled over HTTP and WebSocket together, and nobody else is', async () => {
    const token = await customerToken('ada');
    for (let sent = 0; sent < 8; sent++) expect((await app.query(READ, {}, { token })).status).toBe(200);
    // A point for the connection, and one for the subscription.
    const client = socketClient(app.url, token);
    subscribeWith(client, UPDATES);
    await until(async () => (await subscribersOf(app)) === 1);
    const second = subscribeWith(client, UPDATES);
    const [error] = (await second.next()).errors ?? [];
    expect(error).toMatchObject({ extensions: { code: 'THROTTLED', retryAfterMs: expect.any(Number) } });
    expect(await app.query(READ, {}, { token })).toMatchObject({ status: 429, code: 'THROTTLED' });
    client.dispose();
    expect((await app.query(READ, {}, { token: await customerToken('bob') })).status).toBe(200);
    expect((await app.query(READ)).status).toBe(200);
    expect(refusalsIn(app.log, 'actor_points')).toMatchObject([
      { actor: 'ada', transport: 'websocket' },
      { actor: 'ada' },
    ]);
  });

  it('opens no WebSocket until they may go on, and is told to come again later', async () => {
    const token = await customerToken('ada');
    for (let sent = 0; sent < 10; sent++) expect((await app.query(READ, {}, { token })).status).toBe(200);
    const feed = subscribeWith(socketClient(app.url, token), UPDATES);
    expect(await feed.end()).toMatchObject({ how: 'closed', code: 1013 });
    expect(refusalsIn(app.log, 'actor_points')).toMatchObject([{ actor: 'ada', transport: 'websocket', status: 1013 }]);
    const other = socketClient(app.url, await customerToken('bob'));
    subscribeWith(other, UPDATES);
    await until(async () => (await subscribersOf(app)) === 1);
    other.dispose();
  });

  it('is told so by each refused subscription, and disconnected if they go on nevertheless', async () => {
    const client = socketClient(app.url, await customerToken('ada'));
    const feeds = Array.from({ length: 150 }, () => subscribeWith(client, UPDATES));
    const ends = await Promise.all(feeds.map((feed) => feed.end()));
    // Each refusal counts as twenty of the 2,000 messages that a WebSocket may send in ten seconds.
    const refused = feeds.filter(({ messages }) => messages[0]?.errors?.[0]?.extensions?.code === 'THROTTLED');
    expect(refused.length).toBeGreaterThan(50);
    expect(refused.length).toBeLessThan(100);
    expect(ends.filter((end) => end.how === 'closed')).toHaveLength(150 - refused.length);
    expect(ends.at(-1)).toMatchObject({ how: 'closed', code: 1013 });
  });

  it('pays for each field at the root, and twice for a command, of which then none takes effect', async () => {
    const token = await staffToken();
    const before = await logSize(app.database);
    const input = (n: number) => `{ name: "Ada", email: "ada${n}@example.org" }`;
    const six = Array.from({ length: 5 }, (_, n) => `c${n}: registerCustomer(input: ${input(n)}) { __typename }`);
    expect((await app.query(READ, {}, { token })).status).toBe(200);
    const answer = await app.query(`mutation { ${six.join(' ')} }`, {}, { token });
    expect([answer.status, answer.code, answer.data]).toEqual([429, 'THROTTLED', undefined]);
    expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await logSize(app.database)).toEqual(before);
  });

  it('without a name is all anonymous callers of one address', async () => {
    for (let sent = 0; sent < 10; sent++) expect((await app.query(READ)).status).toBe(200);
    expect(await app.query(READ)).toMatchObject({ status: 429, code: 'THROTTLED' });
    expect((await app.query(READ, {}, { token: await staffToken() })).status).toBe(200);
  });
});

describe('an actor who sends or is answered much', () => {
  const POINTS = 100;
  const app = useApp({ env: { ...WITH_AUTH, OPERATIONS_PER_ACTOR: `${POINTS}` }, fulfils: false, per: 'test' });
  /** A point in bytes: see `src/server/limits/traffic.ts`. */
  const POINT = 16 * 1024;

  it('pays for what is sent before it is read', async () => {
    const token = await customerToken('ada');
    const body = (points: number) => JSON.stringify({ query: READ, variables: { x: 'x'.repeat(points * POINT) } });
    // The first request is refused because of its variables, but its points are spent.
    expect((await app.post(body(POINTS - 10), { token })).code).toBe('BAD_USER_INPUT');
    expect((await app.query(READ, {}, { token })).status).toBe(200);
    expect(await app.post(body(10), { token })).toMatchObject({ status: 429, code: 'THROTTLED' });
    expect((await app.query(READ, {}, { token: await customerToken('bob') })).status).toBe(200);
  });

  /** A document of so many characters. */
  const document = (characters: number, name: string) => `query ${name} ${READ} #`.padEnd(characters, '.');

  it('pays for the length of each document once, over every transport', async () => {
    const token = await customerToken('ada');
    const half = document((POINTS / 2) * 256, 'Half');
    for (let sent = 0; sent < 5; sent++) expect((await app.query(half, {}, { token })).status).toBe(200);
    const updates = `${UPDATES} #`.padEnd(10 * 256, '.');
    const client = socketClient(app.url, token);
    subscribeWith(client, updates);
    await until(async () => (await subscribersOf(app)) === 1);
    const refused = subscribeWith(client, `${UPDATES} #`.padEnd((POINTS / 2) * 256, '.'));
    expect((await refused.next()).errors).toMatchObject([{ extensions: { code: 'THROTTLED' } }]);
    client.dispose();
    const answer = await app.query(document(256, 'Other'), {}, { token });
    expect([answer.status, answer.code]).toEqual([429, 'THROTTLED']);
    // Documents of other callers are known already.
    expect((await app.query(half, {}, { token: await customerToken('bob') })).status).toBe(200);
  });

  it('pays for what is not JSON, or has its document elsewhere, as if all of it was a document', async () => {
    const token = await customerToken('ada');
    const noise = '['.repeat(256 * (POINTS - 10));
    expect((await app.post(noise, { token })).code).toBe('BAD_USER_INPUT');
    expect((await app.post(noise, { token })).code).toBe('THROTTLED');
  });

  it('pays for what a command appends, however short the command is', async () => {
    const token = await customerToken(randomUUID());
    const { aggregateId: noteId } = await app.command(
      'createNote',
      { title: 'Long', content: 'x'.repeat(90_000) },
      { token },
    );
    await app.command('editNote', { noteId, content: 'short' }, { token });
    // Two points for each, and eleven for each that brings the long text back.
    const answers = [];
    for (let nth = 0; nth < 14; nth++) {
      answers.push(await app.tryCommand('revertNote', { noteId, version: 1 + (nth % 2) }, { token }));
    }
    expect(answers[0]?.errors).toBeUndefined();
    expect(answers.at(-1)).toMatchObject({ status: 429, code: 'THROTTLED' });
  });

  it('has the answer that costs too much, whole, and is refused the next one', async () => {
    const token = await customerToken(randomUUID());
    const content = '\u0001é"'.repeat(30_000);
    const { aggregateId: id, token: after } = await app.command('createNote', { title: 'Long', content }, { token });
    const copies = Array.from({ length: 6 }, (_, n) => `n${n}: note(id: "${id}") { content }`);
    const options = { token, headers: { 'read-after': after } };
    const answer = await app.query<Record<string, { content: string }>>(`{ ${copies.join(' ')} }`, {}, options);
    expect(answer.errors).toBeUndefined();
    expect(Object.values(answer.data ?? {}).map((note) => note.content)).toEqual(Array(6).fill(content));
    expect(answer.consistency.token).not.toBe('');
    expect(await app.query(READ, {}, { token })).toMatchObject({ status: 429, code: 'THROTTLED' });
  });
});

describe('an actor who asks for several large answers at once while others are there', () => {
  const POINTS = 300;
  const env = { ...WITH_AUTH, OPERATIONS_PER_ACTOR: `${POINTS}`, LARGE_OPERATIONS_AT_ONCE_PER_ACTOR: '1' };
  const app = useApp({ env, fulfils: false, per: 'test' });
  const large = '{ notes(first: 40) { edges { node { content } } } }';

  it('has them one after the other, and no more of them once one has cost too much', async () => {
    const token = await customerToken(randomUUID());
    const content = 'x'.repeat(90_000);
    let after = '';
    for (let nth = 0; nth < 10; nth++) {
      ({ token: after } = await app.command('createNote', { title: 'Long', content }, { token }));
    }
    await app.query(READ, {}, { token: await customerToken('bob') });
    const options = { token, headers: { 'read-after': after } };
    const answers = await Promise.all(Array.from({ length: 5 }, () => app.query(large, {}, options)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 429, 429, 429, 429]);
    expect(answers.find(({ status }) => status === 429)?.code).toBe('THROTTLED');
  });
});

describe('operations that are under way', () => {
  const env = { ...WITH_AUTH, CONCURRENT_OPERATIONS_PER_ACTOR: '2', CONCURRENT_OPERATIONS_PER_ADDRESS: '3' };
  const app = useApp({ env, fulfils: false });

  it('are bounded for an actor and for an address, and streams are none', async () => {
    const [ada, bob] = await Promise.all(['ada', 'bob'].map(customerToken));
    const { positions } = app.engine.projector;
    const gone = new AbortController();
    const release = await stall(app.database, 'customers');
    const receipt = await registerCustomer(app, {}, { token: await staffToken() });
    const query = `query @readAfter(token: "${receipt.token}", timeoutMs: 10000) { customer(id: "${receipt.aggregateId}") { name } }`;
    const wait = (who: string | undefined) =>
      app.query(query, {}, { token: who, signal: gone.signal }).catch(() => undefined);
    const waiting = [wait(ada), wait(ada)];
    await until(() => positions.waiting === 2);
    expect(await app.query(READ, {}, { token: ada })).toMatchObject({ status: 429, code: 'THROTTLED' });
    waiting.push(wait(bob));
    await until(() => positions.waiting === 3);
    expect(await app.query(READ, {}, { token: bob })).toMatchObject({ status: 429, code: 'THROTTLED' });
    expect(refusalsIn(app.log, 'actor_operations')).toMatchObject([{ actor: 'ada' }]);
    expect(refusalsIn(app.log, 'address_operations')).toMatchObject([{ actor: 'bob', address: '127.0.0.1' }]);
    gone.abort();
    await Promise.all(waiting);
    await until(async () => (await app.query(READ, {}, { token: ada })).status === 200);
    await release();
  });
});
