import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { StalledClients } from '../../../src/server/http/stalled-clients.ts';
import { useApp } from '../../support/server/app.ts';
import { until } from '../../support/until.ts';

describe('an answer whose client takes nothing any more', () => {
  afterEach(() => void vi.useRealTimers());

  it('is given up, and one whose client only is slow is not', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const cut: unknown[] = [];
    const clients = new StalledClients(1000, 100_000_000);
    const responses: ServerResponse[] = [];
    const server = createServer((_, response) => {
      responses.push(response);
      clients.watch(response, { refused: (facts) => cut.push(facts) });
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const fill = () => {
        while (!response.destroyed && response.write(`data: ${'x'.repeat(100_000)}\n\n`));
      };
      response.on('drain', fill);
      fill();
    });
    onTestFinished(() => void server.close());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const ask = async (): Promise<IncomingMessage> => {
      const sent = request({ port, host: '127.0.0.1', agent: false }).end();
      const [response] = await once(sent, 'response');
      return response.on('error', () => {});
    };
    const slow = await ask();
    const stalled = await ask();
    slow.on('data', () => {});
    stalled.pause();
    const taken = (index: number) => {
      const socket = responses[index]?.socket;
      return socket ? socket.bytesWritten - socket.writableLength : 0;
    };
    // All that fits between the two ends of a connection is on its way.
    let before = -1;
    await until(async () => {
      const same = taken(1) === before;
      before = taken(1);
      return same && responses[1]?.writableNeedDrain;
    });
    for (let look = 0; look < 4; look++) {
      const tookBefore = taken(0);
      await until(() => taken(0) > tookBefore);
      vi.advanceTimersByTime(334);
    }
    await until(() => responses[1]?.destroyed);
    expect(responses[0]?.destroyed).toBe(false);
    expect(cut).toEqual([{ limit: 'stalled_client' }]);
    slow.destroy();
    await until(() => responses[0]?.closed);
    vi.advanceTimersByTime(1000);
    expect(vi.getTimerCount()).toBe(0);
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

  it('is chosen if a client takes it besides other answers', async () => {
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
