import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { EventStreams } from '../../../src/server/event-streams.ts';
import { useApp } from '../../support/app.ts';
import { until } from '../../support/until.ts';

describe('a stream of events whose client takes nothing any more', () => {
  it('is given up, and one whose client only is slow is not', async () => {
    const streams = new EventStreams(100);
    const server = createServer((_, response) => {
      streams.add(response);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const fill = () => {
        while (!response.destroyed && response.write(`data: ${'x'.repeat(100_000)}\n\n`));
      };
      response.on('drain', fill);
      fill();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const ask = async () => {
      const sent = request({ port, host: '127.0.0.1', agent: false }).end();
      const [response] = await once(sent, 'response');
      response.on('error', () => {});
      return response;
    };
    const slow = await ask();
    const stalled = await ask();
    stalled.pause();
    slow.on('data', () => {});
    await until(() => streams.size === 1);
    expect(slow.destroyed).toBe(false);
    slow.destroy();
    await until(() => streams.size === 0);
    server.close();
  });
});

describe('a subscription over server-sent events', () => {
  const app = useApp();
  const query = 'subscription { caughtUp(token: "TOKEN", projections: ["orders"]) { projection } }';
  const ask = (accept: string, headers: Record<string, string> = {}) =>
    fetch(`${app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept, ...headers },
      body: JSON.stringify({ query: query.replace('TOKEN', app.engine.tokens.encode(0)) }),
    });

  it('has the format of distinct connections, and is kept by no cache', async () => {
    const response = await ask('text/event-stream');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(response.headers.get('cache-control')).toMatch(/no-cache|no-store/);
    const events = (await response.text()).split('\n\n').filter((event) => event !== ':' && event !== '');
    expect(events).toEqual([
      expect.stringMatching(/^event: next\ndata: \{"data":\{"caughtUp":\{"projection":"orders"\}\}.*\}$/),
      expect.stringMatching(/^event: complete\ndata:/),
    ]);
  });

  it('is chosen where a client takes it besides other answers', async () => {
    const response = await ask(
      'application/graphql-response+json, application/json, text/event-stream, multipart/mixed',
    );
    expect(response.headers.get('content-type')).toBe('text/event-stream');
  });

  it('is refused in words to a client that takes no stream', async () => {
    const response = await ask('application/json');
    expect(response.status).toBe(406);
    expect(await response.text()).toMatch(/event-stream/);
  });
});
