import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { SlicedReader } from '../../scheduling/sliced-reader.ts';
import { later } from '../../scheduling/timers.ts';
import type { ServerAddress, Target } from '../connection-string/target.ts';
import { firstMessage } from '../driver/first-message.ts';
import { linkError } from './errors.ts';
import { openSession, type ServerKind, sendCancel } from './open-session.ts';
import { SlicedWriter } from './sliced-writer.ts';
import type { Started } from './start-up.ts';
import { type CurrentPrefix, PrefixedMessages } from './statement-prefix.ts';

/** `CancelRequest` of the protocol. */
const CANCEL = 80_877_102;
/** Time for a server to close a connection after we have ended it, in ms. */
const END_MS = 1000;

/** Options for the connections of one client. */
export interface LinkOptions {
  readonly target: Target;
  readonly login: { readonly user: string; readonly password: string | undefined } | undefined;
  readonly kind: ServerKind;
  /** What is executed before each statement; nothing by default. */
  readonly prefix?: CurrentPrefix | undefined;
}

/** The open connections of one client, by `pid:secret` of their backends. */
export class Links {
  readonly #options: LinkOptions;
  readonly #open = new Map<string, Link>();

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** A new connection that is not established yet. */
  create(): Link {
    return new Link(this.#options, this.#open);
  }

  /** The connection to a backend. */
  get(backend: string): Link | undefined {
    return this.#open.get(backend);
  }
}

/**
 * The socket that the driver sees. It connects when the driver writes its first message, logs in by itself, and tells
 * the driver the result. So several servers, every `sslmode`, channel binding and the kind of the server are handled
 * here. After that, bytes pass through unchanged, unless statements have a prefix.
 */
export class Link extends EventEmitter {
  readonly #options: LinkOptions;
  readonly #open: Map<string, Link>;
  readonly #abort = new AbortController();
  #socket: Socket | undefined;
  readonly #prefixed: PrefixedMessages | undefined;
  #writer: SlicedWriter | undefined;
  #reader: SlicedReader | undefined;
  #isBegun = false;
  #isClosed = false;
  #backend = '';
  #server: ServerAddress | undefined;

  constructor(options: LinkOptions, open: Map<string, Link>) {
    super();
    this.#options = options;
    this.#open = open;
    this.#prefixed = options.prefix && new PrefixedMessages(options.prefix);
  }

  /** The driver expects it to be open from the start: it ends open sockets, and forgets others. */
  get readyState(): 'open' | 'closed' {
    return this.#isClosed ? 'closed' : 'open';
  }

  /** The server that it is connected to, once that is known. */
  get server(): ServerAddress | undefined {
    return this.#server;
  }

  /** Bytes so far: received, sent, and waiting to be sent. */
  get traffic(): { readonly received: number; readonly sent: number; readonly queued: number } {
    const [socket, writer] = [this.#socket, this.#writer];
    if (!socket || !writer) return { received: 0, sent: 0, queued: 0 };
    const { bytesRead: received, bytesWritten, writableLength } = socket;
    return { received, sent: bytesWritten - writableLength, queued: writableLength + writer.queued };
  }

  write(bytes: Buffer, done?: () => void): boolean {
    if (this.#writer) return this.#writer.write(this.#prefixed?.sent(bytes) ?? bytes, done);
    if (!this.#isBegun && !this.#isClosed) {
      this.#isBegun = true;
      void this.#begin(firstMessage(Buffer.from(bytes)));
    }
    return true;
  }

  pause(): void {
    this.#reader?.pause();
  }

  resume(): void {
    this.#reader?.resume();
  }

  /** Sends the terminate message, and closes whatever the other side does. */
  end(bytes?: Buffer): void {
    if (!this.#writer) {
      this.destroy();
      return;
    }
    this.#writer.end(bytes);
    later(END_MS, () => this.#socket?.destroy(), { keepsProcess: false });
  }

  /** Closes it at once. */
  destroy(error?: Error): void {
    if (this.#isClosed) return;
    if (this.#socket) this.#socket.destroy(error);
    else {
      this.#abort.abort(error);
      this.#close(error);
    }
  }

  async #begin(first: Buffer): Promise<void> {
    const { target, login, kind } = this.#options;
    const { signal } = this.#abort;
    try {
      if (first.length === 16 && first.readInt32BE(4) === CANCEL) await this.#cancel(first);
      else this.#started(await openSession({ target, login, kind, first, signal }));
    } catch (error) {
      this.#close(error instanceof Error ? error : linkError('08006', String(error)));
    }
  }

  #started({ socket, backend, said, server }: Started): void {
    if (this.#isClosed) {
      socket.on('error', () => {}).destroy();
      return;
    }
    this.#backend = backend;
    this.#server = server;
    this.#open.set(backend, this);
    this.#adopt(socket);
    this.emit('data', said);
    socket.resume();
  }

  /** Sends a request to cancel a statement to the server of that backend's connection. */
  async #cancel(request: Buffer): Promise<void> {
    const backend = `${request.readUInt32BE(8)}:${request.readUInt32BE(12)}`;
    const server = this.#open.get(backend)?.server;
    if (!server) {
      this.#close(undefined);
      return;
    }
    const { target } = this.#options;
    const signal = AbortSignal.any([this.#abort.signal, AbortSignal.timeout(target.connectTimeoutMs)]);
    const socket = await sendCancel(server, target, request, signal);
    this.#adopt(socket);
    socket.resume();
    later(target.connectTimeoutMs, () => socket.destroy(), { keepsProcess: false });
  }

  #adopt(socket: Socket): void {
    this.#socket = socket;
    this.#writer = new SlicedWriter(socket, () => this.emit('drain'));
    const prefixed = this.#prefixed;
    const receive = prefixed
      ? (bytes: Buffer) => {
          const passed = prefixed.received(bytes);
          if (passed.length > 0) this.emit('data', passed);
        }
      : (bytes: Buffer) => this.emit('data', bytes);
    const reader = new SlicedReader(socket, receive);
    this.#reader = reader;
    let failure: Error | undefined;
    socket
      .on('data', (bytes: Buffer) => reader.take(bytes))
      .on('drain', () => this.emit('drain'))
      .on('error', (error) => {
        failure = error;
      })
      .on('close', () => this.#close(failure));
  }

  #close(error: Error | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#open.get(this.#backend) === this) this.#open.delete(this.#backend);
    // An error event without a listener would end the process.
    if (error && this.listenerCount('error') > 0) this.emit('error', error);
    this.emit('close', error !== undefined);
  }
}
