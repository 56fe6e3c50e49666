import { describe, expect, it } from 'vitest';
import { RequestError } from '../../client/src/index.ts';
import { Tokens } from '../../src/kernel/consistency/token.ts';
import { accessToken, customerToken, staffToken, WITH_AUTH } from '../support/client/tokens.ts';
import { useApp } from '../support/server/app.ts';
import { until } from '../support/until.ts';
import { Line, nameOf, RENAME, register, useClients, watch, ways } from './support.ts';

let port = '0';
const app = useApp({ env: () => ({ ...WITH_AUTH, PORT: port }), fulfils: false, per: 'test' });
const createClient = useClients(app);
const auth = () => staffToken();
/** Soon over: tokens count in seconds, and five are granted to clocks that differ. */
const shortToken = (ms: number) => accessToken('clerk', ['staff'], { expiresAt: new Date(Date.now() - 5000 + ms) });

/** As when a new version is deployed: the address stays, all connections are lost. */
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
    expect((reader.token ?? '') >= (writer.token ?? 'none')).toBe(true);
    expect(await nameOf(reader, id)).toBe('Grace');
  });

  it('goes on when the server comes back', async () => {
    const client = createClient({ auth }, way);
    const id = await register(client);
    const { names } = watch(client, id);
    await until(() => names.length === 1);
    await restart();
    await client.command(RENAME, { id, name: 'Grace' });
    await until(() => names.at(-1) === 'Grace', { deadline: 15_000 });
  });

  it('goes on with renewed credentials when its access token expires', { timeout: 60_000 }, async () => {
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
    await until(() => asked.length > 0, { deadline: 20_000 });
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
    await until(() => names.length > 0);
    expect(names).toEqual(['Ada']);
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
    const id = await register(createClient({ auth }));
    expect(await Promise.all(Array.from({ length: 5 }, () => nameOf(client, id)))).toEqual(Array(5).fill('Ada'));
    expect(asked).toBe(1);
  });
});
