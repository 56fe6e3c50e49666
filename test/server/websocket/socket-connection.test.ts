import { EventEmitter } from 'node:events';
import type { WebSocket as ProtocolSocket, Server } from 'graphql-ws';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { PromptMessages } from '../../../src/server/websocket/inbox.ts';
import { type Connection, openConnection } from '../../../src/server/websocket/socket-connection.ts';

/** A WebSocket whose other end is the test. */
class Socket extends EventEmitter {
  readyState: number = WebSocket.OPEN;
  bufferedAmount = 0;
  isPaused = false;
  readonly pause = vi.fn();
  readonly resume = vi.fn();
  readonly protocol = 'graphql-transport-ws';
  readonly ping = vi.fn();
  readonly close = vi.fn();
  readonly terminate = vi.fn();
  readonly send = vi.fn((_: string, done: (error?: Error) => void) => done());
}

describe('a connection of the graphql-ws protocol', () => {
  afterEach(() => void vi.useRealTimers());

  let socket: Socket;
  let connection: Connection;
  let protocolSocket: ProtocolSocket;
  let take: (message: string) => Promise<void>;
  let onMessageFailed: ReturnType<typeof vi.fn<(error: unknown) => void>>;
  let onOverLimit: ReturnType<typeof vi.fn<(limit: string) => void>>;
  const ended = vi.fn(async () => {});
  const spend = vi.fn(async (_: number) => {});
  beforeEach(() => {
    vi.useFakeTimers();
    socket = new Socket();
    take = async () => {};
    onMessageFailed = vi.fn();
    onOverLimit = vi.fn();
    ended.mockClear();
    spend.mockClear();
    const server: Server<object> = {
      opened: (given) => {
        protocolSocket = given;
        given.onMessage((message) => take(message));
        return ended;
      },
    };
    const limits = {
      ...{ messages: 30, bufferedBytes: 1000, json: { levels: 100, values: 500 }, spend },
      ...{ prompt: new PromptMessages(), caller: () => 'ann', turn: async () => {} },
    };
    connection = openConnection(server, socket as unknown as WebSocket, {}, limits, { onMessageFailed, onOverLimit });
  });
  const looks = (count: number) => vi.advanceTimersByTime(count * 12_000);

  it('is kept while its client answers pings', () => {
    for (let look = 1; look <= 5; look++) {
      looks(1);
      expect(socket.ping).toHaveBeenCalledTimes(look);
      socket.emit('pong');
    }
    expect(socket.terminate).not.toHaveBeenCalled();
  });

  it('is cut off if its client has not answered a ping by the next', () => {
    looks(1);
    expect(socket.terminate).not.toHaveBeenCalled();
    looks(1);
    expect(socket.terminate).toHaveBeenCalledOnce();
  });

  it('is looked at no more once it is closed', () => {
    socket.emit('close', 1000, Buffer.from('done'));
    looks(3);
    expect(socket.ping).not.toHaveBeenCalled();
    expect(ended).toHaveBeenCalledWith(1000, 'done');
  });

  it('is closed if a message is not handled, of which the operator is told', async () => {
    const error = new Error('no such message');
    take = () => Promise.reject(error);
    socket.emit('message', Buffer.from('{}'));
    await vi.waitFor(() => expect(socket.close).toHaveBeenCalledWith(4500, 'Internal server error'));
    expect(onMessageFailed).toHaveBeenCalledExactlyOnceWith(error);
  });

  it('is closed if a message is nested very deeply, which is not parsed', () => {
    const taken: string[] = [];
    take = async (message) => void taken.push(message);
    const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
    socket.emit('message', Buffer.from(nested(100)));
    expect(socket.close).not.toHaveBeenCalled();
    socket.emit('message', Buffer.from(nested(101)));
    expect(taken).toEqual([nested(100)]);
    expect(socket.close).toHaveBeenCalledExactlyOnceWith(4400, expect.stringMatching(/nested/));
  });

  it('is closed if a message has very many values, which is not parsed', () => {
    const taken: string[] = [];
    take = async (message) => void taken.push(message);
    const list = (values: number) => JSON.stringify(Array(values).fill(0));
    socket.emit('message', Buffer.from(list(500)));
    socket.emit('message', Buffer.from(list(501)));
    expect(taken).toEqual([list(500)]);
    expect(socket.close).toHaveBeenCalledExactlyOnceWith(4400, expect.stringMatching(/values/));
  });

  it('pays for large messages, and is closed before one is handled that its client cannot pay for', async () => {
    const taken: string[] = [];
    take = async (message) => void taken.push(message);
    const large = Buffer.alloc(5 * 16 * 1024, 'x');
    socket.emit('message', Buffer.from('{}'));
    expect(spend).not.toHaveBeenCalled();
    socket.emit('message', large);
    await vi.advanceTimersByTimeAsync(0);
    expect(spend).toHaveBeenCalledExactlyOnceWith(5);
    expect(taken).toEqual(['{}', String(large)]);
    spend.mockRejectedValueOnce(new Error('too few'));
    socket.emit('message', large);
    await vi.advanceTimersByTimeAsync(0);
    expect(taken).toHaveLength(2);
    expect(onOverLimit).toHaveBeenCalledExactlyOnceWith('actor_points');
    expect(socket.close).toHaveBeenCalledExactlyOnceWith(1013, expect.stringMatching(/operations/));
  });

  it('sends nothing more once it is closing', async () => {
    await protocolSocket.send('one');
    socket.readyState = WebSocket.CLOSING;
    await protocolSocket.send('two');
    expect(socket.send.mock.calls.map(([data]) => data)).toEqual(['one']);
  });

  it('says that something was not sent', async () => {
    socket.send.mockImplementation((_, done) => done(new Error('broken')));
    await expect(protocolSocket.send('one')).rejects.toThrow('broken');
  });

  it('is not cut off if what its client has answered was not read yet', () => {
    looks(1);
    socket.isPaused = true;
    looks(1);
    expect(socket.terminate).not.toHaveBeenCalled();
  });

  it('takes so many messages in ten seconds and is closed after them, so that its client may come again later', async () => {
    const taken: string[] = [];
    take = async (message) => void taken.push(message);
    const send = async (from: number, to: number) => {
      for (let nth = from; nth <= to; nth++) {
        socket.emit('message', Buffer.from(String(nth)));
        await Promise.resolve();
      }
    };
    await send(1, 30);
    await vi.advanceTimersByTimeAsync(10_000);
    await send(31, 61);
    await vi.advanceTimersByTimeAsync(0);
    // Those that still wait for a turn then are not handled.
    expect(taken).toEqual(Array.from({ length: taken.length }, (_, nth) => String(nth + 1)));
    expect(taken.length).toBeGreaterThanOrEqual(50);
    expect(onOverLimit).toHaveBeenCalledExactlyOnceWith('socket_messages');
    expect(socket.close).toHaveBeenCalledExactlyOnceWith(1013, expect.stringMatching(/messages/));
    // Whatever else its client sends is not even read.
    expect(socket.pause.mock.invocationCallOrder.at(-1)).toBeGreaterThan(
      socket.resume.mock.invocationCallOrder.at(-1) ?? 0,
    );
    await vi.advanceTimersByTimeAsync(1000);
    expect(socket.terminate).toHaveBeenCalledOnce();
  });

  it('counts a message whose operation is throttled as twenty', () => {
    connection.throttled();
    expect(socket.close).not.toHaveBeenCalled();
    connection.throttled();
    expect(onOverLimit).toHaveBeenCalledExactlyOnceWith('socket_messages');
    expect(socket.close).toHaveBeenCalledExactlyOnceWith(1013, expect.stringMatching(/messages/));
  });

  it.each(['ping', 'pong'])('counts each %s as a message', (frame) => {
    for (let nth = 0; nth < 30; nth++) socket.emit(frame);
    expect(socket.close).not.toHaveBeenCalled();
    socket.emit(frame);
    expect(onOverLimit).toHaveBeenCalledExactlyOnceWith('socket_messages');
    expect(socket.close).toHaveBeenCalledExactlyOnceWith(1013, expect.stringMatching(/messages/));
    expect(socket.pause).toHaveBeenCalledOnce();
  });

  it('is closed if more waits for a client that does not read than may', async () => {
    socket.bufferedAmount = 1000;
    await protocolSocket.send('one');
    socket.bufferedAmount = 1001;
    await protocolSocket.send('two');
    expect(socket.send.mock.calls.map(([data]) => data)).toEqual(['one']);
    expect(onOverLimit).toHaveBeenCalledExactlyOnceWith('buffered_bytes');
    expect(socket.close).toHaveBeenCalledExactlyOnceWith(1013, expect.any(String));
  });
});
