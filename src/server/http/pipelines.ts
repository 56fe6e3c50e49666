import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Maximum number of requests of one connection that run at the same time. Few clients send a request before the
 * previous one is answered.
 */
const MAX_IN_PROGRESS = 16;

/**
 * Bounds HTTP pipelining. Node passes on all requests in one network packet at once. For a client that sends hundreds
 * of small ones without waiting, the event loop would begin all of them before it does anything else.
 */
export class Pipelines {
  readonly #inProgress = new WeakMap<Socket, number>();

  /** Counts a request until it is answered. @returns false if there are too many: its connection is then closed. */
  take({ socket }: IncomingMessage, response: ServerResponse): boolean {
    // The rest of a packet that had too many requests.
    if (socket.destroyed) return false;
    const before = this.#inProgress.get(socket) ?? 0;
    if (before >= MAX_IN_PROGRESS) {
      socket.destroy();
      return false;
    }
    this.#inProgress.set(socket, before + 1);
    response.once('close', () => this.#inProgress.set(socket, (this.#inProgress.get(socket) ?? 1) - 1));
    return true;
  }
}
