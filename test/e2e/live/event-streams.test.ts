import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { EventStreams } from '../../../src/server/event-streams.ts';
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
