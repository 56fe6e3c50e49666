import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Requests of one connection that may be under way. Hardly any client sends a request before the last one is answered. */
const MAX_UNDER_WAY = 16;

/**
 * Bounds HTTP pipelining. Node hands on all requests in a piece of the network at once: hundreds of small ones from a client that
 * sends them without waiting, and the event loop would begin them all before it does anything else.
 */
export class Pipelines {
  readonly #underWay = new WeakMap<Socket, number>();

  /** Counts a request until it is answered. @returns false if there are too many: then its connection is closed. */
  take({ socket }: IncomingMessage, response: ServerResponse): boolean {
    // The rest of the piece that had too many.
    if (socket.destroyed) return false;
    const before = this.#underWay.get(socket) ?? 0;
    if (before >= MAX_UNDER_WAY) {
      socket.destroy();
      return false;
    }
    this.#underWay.set(socket, before + 1);
    response.once('close', () => this.#underWay.set(socket, (this.#underWay.get(socket) ?? 1) - 1));
    return true;
  }
}
