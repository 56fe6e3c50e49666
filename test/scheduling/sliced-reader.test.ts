import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { READ_SLICE_BYTES, SlicedReader } from '../../src/scheduling/sliced-reader.ts';

const SENT = Buffer.alloc(3 * 1024 * 1024, 'row');

/** A socket that receives {@link SENT}, and what its reader hands on in each turn of the event loop. */
async function reading() {
  const server = createServer((socket) => socket.end(SENT)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as { port: number }).port, '127.0.0.1');
  const received: Buffer[] = [];
  const turns: number[] = [];
  let isCounting = false;
  const reader = new SlicedReader(socket, (bytes) => {
    received.push(bytes);
    if (isCounting) turns.push((turns.pop() ?? 0) + bytes.length);
    else {
      isCounting = true;
      turns.push(bytes.length);
      setImmediate(() => {
        isCounting = false;
      });
    }
  });
  socket.on('data', (bytes: Buffer) => reader.take(bytes));
  const ended = once(socket, 'close').finally(() => server.close());
  return { reader, turns, ended, whole: () => Buffer.concat(received) };
}

describe('what a connection receives at once', () => {
  it('is handed on whole, a slice in each turn of the event loop', async () => {
    const { turns, ended, whole } = await reading();
    await ended;
    expect(whole().equals(SENT)).toBe(true);
    expect(Math.max(...turns)).toBeLessThan(2 * READ_SLICE_BYTES);
  });

  it('waits while it is paused, also between two slices', async () => {
    const { reader, turns, ended, whole } = await reading();
    while (turns.length === 0) await new Promise(setImmediate);
    reader.pause();
    await new Promise(setImmediate);
    const before = whole().length;
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    expect(whole().length).toBe(before);
    reader.resume();
    await ended;
    expect(whole().equals(SENT)).toBe(true);
  });
});
