import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { WITH_AUTH } from '../../../support/client/tokens.ts';
import { useApp } from '../../../support/server/app.ts';

const UPGRADE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
  'sec-websocket-protocol': 'graphql-transport-ws',
};

/** The server's answer to a page whose host name leads to it. */
async function ask(url: string, host: string, { headers = {}, path = '/graphql?query={projections{name}}' } = {}) {
  const sent = request(`${url}${path}`, { headers: { host, origin: `http://${host}`, ...headers } }).end();
  const [answer] = (await Promise.race([once(sent, 'response'), once(sent, 'upgrade')])) as [IncomingMessage];
  if (answer.statusCode === 101) {
    sent.destroy();
    return { status: 101, body: '' };
  }
  return { status: answer.statusCode, body: await text(answer) };
}

describe('without authentication', () => {
  const app = useApp();

  it.each([
    ['a request', {}],
    ['a WebSocket', { headers: UPGRADE, path: '/graphql' }],
  ])('%s under a foreign name is refused in words', async (_, options) => {
    for (const host of ['evil.example', `evil.example:${new URL(app.url).port}`]) {
      const { status, body } = await ask(app.url, host, options);
      expect(status).toBe(403);
      const message = expect.stringContaining('authentication is off');
      expect(JSON.parse(body)).toEqual({ errors: [{ message, extensions: { code: 'FORBIDDEN' } }] });
    }
  });

  it('names of this machine are served, and health under any', async () => {
    const { port } = new URL(app.url);
    for (const host of [`localhost:${port}`, `shop.localhost:${port}`, `127.0.0.1:${port}`]) {
      expect((await ask(app.url, host)).status).toBe(200);
      expect((await ask(app.url, host, { headers: UPGRADE, path: '/graphql' })).status).toBe(101);
    }
    expect((await ask(app.url, 'evil.example', { path: '/livez' })).status).toBe(200);
  });
});

describe('with authentication', () => {
  const app = useApp({ env: WITH_AUTH });

  it('every name is served', async () => {
    const { status, body } = await ask(app.url, 'shop.example');
    expect(body).not.toContain('host name');
    expect(status).not.toBe(403);
    expect((await ask(app.url, 'shop.example', { headers: UPGRADE, path: '/graphql' })).status).toBe(101);
  });
});
