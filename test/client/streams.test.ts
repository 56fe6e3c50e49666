import { describe, expect, it, onTestFinished } from 'vitest';
import { type Interruption, RequestError } from '../../client/src/index.ts';
import { Tokens } from '../../src/kernel/consistency/token.ts';
import { Link } from '../faults/world/link.ts';
import { accessToken, customerToken, staffToken, WITH_AUTH } from '../support/client/tokens.ts';
import { useApp } from '../support/server/app.ts';
import { until } from '../support/until.ts';
import { RENAME } from './documents.ts';
import { Line, nameOf, register, useClients, watch, ways } from './support.ts';

let port = '0';
const app = useApp({ env: () => ({ ...WITH_AUTH, PORT: port }), fulfils: false, per: 'test' });
const createClient = useClients(app);
const auth = () => staffToken();
/** Soon over: tokens count in seconds, and five are granted to clocks that differ. */
const shortToken = (ms: number) => accessToken('clerk', ['staff'], { expiresAt: new Date(Date.now() - 5000 + ms) });

/** A way to the server that can fall silent. */
async function openLink(): Promise<Link> {
  const { hostname: host, port } = new URL(app.url);
  const link = await Link.open(() => ({ host, port: Number(port) }));
  onTestFinished(() => link.close());
  return link;
}

/** Restarts the server, as a deployment does: the address stays, and all connections are lost. */
async function restart(): Promise<void> {
  port = new URL(app.url).port;
  await app.stop();
  await app.start();
  port = '0';
}

describe.each(ways)('a subscription over %s', (way) => {
  it('begins after what was written, and shows each change', async () => {
    const client = createClient({ auth }, way);
    const id = await register(client);
    const { names } = watch(client, id);
    await until(() => names.length === 1);
    await client.command(RENAME, { id, name: 'Grace' });
    await until(() => names.length === 2);
    expect(names).toEqual(['Ada', 'Grace']);
  });

  it('teaches its client how fresh the next query has to be', async () => {
    const [writer, reader] = [createClient({ auth }, way), createClient({ auth }, way)];
    const id = await register(writer);
    const { names } = watch(reader, id);
    await until(() => names.at(-1) === 'Ada');
    await writer.command(RENAME, { id, name: 'Grace' });
    await until(() => names.at(-1) === 'Grace');
    // The message may include more than its token says.
    expect(reader.token).toBeDefined();
    expect(await nameOf(reader, id)).toBe('Grace');
  });

  it('goes on when the server comes back', async () => {
    const client = createClient({ auth }, way);
    const id = await register(client);
    const { names } = watch(client, id);
    await until(() => names.length === 1);
    await restart();
    await client.command(RENAME, { id, name: 'Grace' });
    await until(() => names.at(-1) === 'Grace');
  });

  it('goes on after its connection has died silently, and misses nothing', async () => {
    const link = await openLink();
    const client = createClient({ auth, url: `http://127.0.0.1:${link.port}/graphql`, silenceMs: 1500 }, way);
    const changes: Interruption[] = [];
    client.onInterrupted((change) => changes.push(change));
    const writer = createClient({ auth });
    const id = await register(writer);
    client.saw(writer.token ?? '');
    const { names } = watch(client, id);
    await until(() => names.length === 1);
    link.silence();
    await writer.command(RENAME, { id, name: 'Grace' });
    await until(() => names.at(-1) === 'Grace');
    expect(names).toEqual(['Ada', 'Grace']);
    expect(changes[0]).toMatchObject({ failures: 1, error: { code: 'UNREACHABLE' }, variables: { id } });
    expect(changes.at(-1)).toMatchObject({ failures: 0 });
  });

  it('is not opened if the server swallows connections, and opens when it does no more', async () => {
    const link = await openLink();
    link.swallow(true);
    const client = createClient({ auth, url: `http://127.0.0.1:${link.port}/graphql`, silenceMs: 300 }, way);
    const failures: number[] = [];
    client.onInterrupted((change) => failures.push(change.failures));
    const writer = createClient({ auth });
    const id = await register(writer);
    client.saw(writer.token ?? '');
    const { names } = watch(client, id);
    await until(() => failures.length === 2);
    link.swallow(false);
    await until(() => names.length > 0);
    expect([names, failures.slice(0, 2), failures.at(-1)]).toEqual([['Ada'], [1, 2], 0]);
  });

  it('ends with the answer if the server refuses the document or the caller', async () => {
    const client = createClient({ auth: () => undefined }, way);
    const endings = [
      'subscription { nothing }',
      'subscription { orderUpdated(id: "6f1c2b0e-3f0c-4a53-9d59-0c6f5a1f2a01") { version } }',
    ].map(
      (document) =>
        new Promise((resolve) => {
          let code: unknown;
          client.subscribe(
            document,
            {},
            {
              next: ({ errors }) => {
                code = errors?.[0]?.extensions?.code;
              },
              error: (error) => resolve((error as RequestError).code),
              complete: () => resolve(code),
            },
          );
        }),
    );
    expect(await Promise.all(endings)).toEqual(['BAD_USER_INPUT', 'UNAUTHENTICATED']);
  });

  it('leaves alone a cursor that is called after', async () => {
    const client = createClient({ auth }, way);
    const id = await register(client);
    const query = 'subscription ($after: String) { live { customers(first: 1, after: $after) { nodes { id } } } }';
    const told: unknown[] = [];
    const next = (message: unknown) => told.push(message);
    client.subscribe(query, {}, { next, error: next, complete: () => next('complete') });
    // Without a token the first message may come before the customer is there. A token as the cursor would be refused.
    await until(() => JSON.stringify(told).includes(id));
    expect(told.at(-1)).toMatchObject({ data: { live: { customers: { nodes: [{ id }] } } } });
  });

  it('goes on with renewed credentials when its access token expires', async () => {
    const first = await shortToken(2000);
    let token = first;
    const asked: (string | undefined)[] = [];
    const renewing = async (rejected?: string) => {
      if (rejected !== undefined) {
        asked.push(rejected);
        token = await staffToken();
      }
      return token;
    };
    const client = createClient({ auth: renewing }, way);
    const id = await register(createClient({ auth }));
    const { names } = watch(client, id);
    await until(() => names.length === 1);
    await until(() => asked.length > 0);
    await createClient({ auth }).command(RENAME, { id, name: 'Grace' });
    await until(() => names.at(-1) === 'Grace');
    expect(asked).toEqual([first]);
  });

  it('ends with an error if there are no other credentials', async () => {
    const client = createClient({ auth: async () => 'no token' }, way);
    const shown = watch(client, '6f1c2b0e-3f0c-4a53-9d59-0c6f5a1f2a01');
    await until(() => shown.ending !== undefined);
    expect(shown.ending).toBeInstanceOf(RequestError);
    expect(shown.ending).toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('begins anew as the one who has signed in', async () => {
    const staff = createClient({ auth });
    const id = await register(staff);
    let token = await customerToken(id);
    const client = createClient({ auth: () => token }, way);
    client.saw(staff.token ?? '');
    const shown = watch(client, id);
    await until(() => shown.names.length === 1);
    token = await customerToken('6f1c2b0e-3f0c-4a53-9d59-0c6f5a1f2a01');
    await client.signIn();
    await until(() => shown.names.length === 2);
    await staff.command(RENAME, { id, name: 'Grace' });
    token = await customerToken(id);
    await client.signIn();
    await until(() => shown.names.at(-1) === 'Grace');
    // Somebody else may not see this customer.
    expect(shown.names.slice(0, 2)).toEqual(['Ada', undefined]);
  });

  it('ends when the user signs out, and so does its connection', async () => {
    const client = createClient({ auth }, way);
    const id = await register(client);
    const shown = watch(client, id);
    await until(() => shown.names.length === 1);
    client.signOut();
    expect([shown.ending, client.token]).toEqual(['complete', undefined]);
    await until(async () => /^afterwrite_subscribers 0$/m.test(await (await fetch(`${app.url}/metrics`)).text()));
  });

  it('begins without a token that the server does not know any more', async () => {
    const client = createClient({ auth }, way);
    const id = await register(createClient({ auth }));
    client.saw(new Tokens('7d8a4a3e-50f5-4b57-8a14-6f0d7a1f6c11').encode(3));
    const { names } = watch(client, id);
    // Without a token, the first message may be from before the registration.
    await until(() => names.at(-1) === 'Ada');
  });
});

describe('a subscription over server-sent events', () => {
  it.each(['INTERNAL_SERVER_ERROR', 'TIMEOUT', 'CONSISTENCY_TIMEOUT', 'THROTTLED'])(
    'goes on after a fault of the server that passes: %s',
    async (code) => {
      const line = new Line();
      const client = createClient({ auth, fetch: line.fetch }, 'server-sent events');
      const id = await register(client);
      const errors = [{ message: 'later', extensions: { code, retryAfterMs: 1 } }];
      const type = { headers: { 'content-type': 'text/event-stream' } };
      line.answer(Response.json({ data: null, errors }));
      line.answer(new Response(`event: next\ndata: ${JSON.stringify({ errors })}\n\nevent: complete\n\n`, type));
      const shown = watch(client, id);
      await until(() => shown.names.length > 0);
      expect(shown).toMatchObject({ names: ['Ada'], ending: undefined });
    },
  );

  it('carries signs of life while it has nothing to say', async () => {
    const response = await fetch(`${app.url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream',
        authorization: `Bearer ${await auth()}`,
      },
      body: JSON.stringify({ query: 'subscription { projectionUpdated { projection } }' }),
    });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (text.split(':\n\n').length <= 3) text += (await reader?.read())?.value;
    await reader?.cancel();
    expect(text.replaceAll(':\n\n', '')).toBe('');
  });

  it('tells of a fault that stays, at each attempt, after pauses that grow', async () => {
    const line = new Line();
    const client = createClient({ auth, fetch: line.fetch }, 'server-sent events');
    const id = await register(client);
    const told: (Interruption & { readonly at: number })[] = [];
    client.onInterrupted((change) => told.push({ ...change, at: performance.now() }));
    const errors = [{ message: 'a fault', extensions: { code: 'INTERNAL_SERVER_ERROR' } }];
    for (let nth = 0; nth < 4; nth++) line.answer(Response.json({ data: null, errors }));
    const shown = watch(client, id);
    await until(() => shown.names.length > 0);
    expect(told.map(({ failures, error }) => [failures, error?.code])).toEqual([
      ...[1, 2, 3, 4].map((failures) => [failures, 'INTERNAL_SERVER_ERROR']),
      [0, undefined],
    ]);
    const pauses = told.slice(1, 4).map(({ at }, nth) => at - (told[nth]?.at ?? 0));
    // A timer may fire a millisecond early.
    for (const [nth, ms] of pauses.entries()) expect(ms).toBeGreaterThan(100 * 2 ** nth - 2);
  });

  it('ends with an error that does not pass', async () => {
    const line = new Line();
    const client = createClient({ auth, fetch: line.fetch }, 'server-sent events');
    const id = await register(client);
    line.answer(Response.json({ errors: [{ message: 'no', extensions: { code: 'FORBIDDEN' } }] }));
    const shown = watch(client, id);
    await until(() => shown.ending !== undefined);
    expect(shown).toMatchObject({ names: [undefined], ending: 'complete' });
  });
});

describe('a request whose access token has expired', () => {
  it('is sent again with another one, for which the application is asked once', async () => {
    const expired = await shortToken(-1000);
    let token = expired;
    let asked = 0;
    const client = createClient({
      auth: async (rejected) => {
        if (rejected !== expired) return token;
        asked++;
        token = await staffToken();
        return token;
      },
    });
    const writer = createClient({ auth });
    const id = await register(writer);
    client.saw(writer.token ?? '');
    expect(await Promise.all(Array.from({ length: 5 }, () => nameOf(client, id)))).toEqual(Array(5).fill('Ada'));
    expect(asked).toBe(1);
  });
});
