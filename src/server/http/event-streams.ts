import type { ServerResponse } from 'node:http';
import type { Plugin } from 'graphql-yoga';

/** A client that has taken nothing for this long, though there is something for it, is as good as gone; in ms. */
const PATIENCE_MS = 30_000;

/**
 * The answers that are streams of events. Other than connections of the WebSocket protocol nobody pings them, and the end
 * of the server is not theirs: what is open is known here.
 */
export class EventStreams {
  readonly #open = new Set<ServerResponse>();
  readonly #patienceMs: number;

  constructor(patienceMs = PATIENCE_MS) {
    this.#patienceMs = patienceMs;
  }

  /** Streams that are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Tells of Yoga's. */
  get plugin(): Plugin {
    return {
      onResponse: ({ response, serverContext }) => {
        const { res } = serverContext as { res?: ServerResponse };
        if (res && response.headers.get('content-type')?.startsWith('text/event-stream')) this.add(res);
      },
    };
  }

  add(response: ServerResponse): void {
    this.#open.add(response);
    let taken = -1;
    const look = setInterval(() => {
      const { socket, writableNeedDrain } = response;
      const before = taken;
      taken = writableNeedDrain && socket ? socket.bytesWritten - socket.writableLength : -1;
      if (taken !== -1 && taken === before) response.destroy();
    }, this.#patienceMs);
    look.unref();
    response.once('close', () => {
      clearInterval(look);
      this.#open.delete(response);
    });
  }

  /** Ends all, without saying that what they carry is complete: clients subscribe again, elsewhere. */
  end(): void {
    for (const response of this.#open) response.end();
  }
}
