import { EventEmitter } from 'node:events';
import type { WebSocket as ProtocolSocket, Server } from 'graphql-ws';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { openConnection } from '../../../src/server/websocket/socket-connection.ts';

/** A WebSocket whose other end is the test. */
class Socket extends EventEmitter {
  readyState: number = WebSocket.OPEN;
  bufferedAmount = 0;
  readonly protocol = 'graphql-transport-ws';
  readonly ping = vi.fn();
  readonly close = vi.fn();
  readonly terminate = vi.fn();
  readonly send = vi.fn((_: string, done: (error?: Error) => void) => done());
}

describe('a connection of the graphql-ws protocol', () => {
  afterEach(() => void vi.useRealTimers());

  let socket: Socket;
  let protocolSocket: ProtocolSocket;
  let take: (message: string) => Promise<void>;
  let onFault: ReturnType<typeof vi.fn<(error: unknown) => void>>;
  let onOverLimit: ReturnType<typeof vi.fn<(limit: string) => void>>;
  const ended = vi.fn(async () => {});
  beforeEach(() => {
    vi.useFakeTimers();
    socket = new Socket();
    take = async () => {};
    onFault = vi.fn();
    onOverLimit = vi.fn();
    ended.mockClear();
    const server: Server<object> = {
      opened: (given) => {
        protocolSocket = given;
        given.onMessage((message) => take(message));
        return ended;
      },
    };
    const limits = { messages: 3, bufferedBytes: 1000 };
    openConnection(server, socket as unknown as WebSocket, {}, limits, { onFault, onOverLimit });
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
    expect(onFault).toHaveBeenCalledExactlyOnceWith(error);
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

  it('takes so many messages in ten seconds and is closed after them, so that its client may come again later', async () => {
    const taken: string[] = [];
    take = async (message) => void taken.push(message);
    const send = (text: string) => socket.emit('message', Buffer.from(text));
    for (const text of ['1', '2', '3']) send(text);
    vi.advanceTimersByTime(10_000);
    for (const text of ['4', '5', '6', '7']) send(text);
    expect(taken).toEqual(['1', '2', '3', '4', '5', '6']);
    expect(onOverLimit).toHaveBeenCalledExactlyOnceWith('socket_messages');
    expect(socket.close).toHaveBeenCalledExactlyOnceWith(1013, expect.stringMatching(/messages/));
    vi.advanceTimersByTime(1000);
    expect(socket.terminate).toHaveBeenCalledOnce();
  });

  it.each(['ping', 'pong'])('counts each %s as a message', (frame) => {
    for (let nth = 0; nth < 3; nth++) socket.emit(frame);
    expect(socket.close).not.toHaveBeenCalled();
    socket.emit(frame);
    expect(onOverLimit).toHaveBeenCalledExactlyOnceWith('socket_messages');
    expect(socket.close).toHaveBeenCalledExactlyOnceWith(1013, expect.stringMatching(/messages/));
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
