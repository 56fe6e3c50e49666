import type { IncomingMessage } from 'node:http';

/** A body that takes longer to arrive is slow, in ms. */
const SLOW_MS = 1000;
/** Pieces in which any body may arrive. A longer one may come in more if these have so many bytes on average. */
const MIN_PIECES = 1000;
const MIN_PIECE_BYTES = 64;

/** The body of a request; or why there is none: it is too long or in too many pieces, or the client has gone away meanwhile. */
export type Body = Buffer | 'too long' | 'too many pieces' | 'gone';

/**
 * Reads the body of a request; what is beyond that many bytes is not read. What has arrived takes at most twice its bytes in
 * memory, however small its pieces are: a client that sends chunks of one byte would else have an object for each kept.
 * @param onSlow called once if the body takes long; what it throws ends the reading.
 */
export function readBody(request: IncomingMessage, maxBytes: number, onSlow: () => void): Promise<Body> {
  // Iterating over the request and breaking off would close its connection, on which it is still to be answered.
  return new Promise((resolve, reject) => {
    const body = new GrowingBuffer();
    let pieces = 0;
    const stop = () => {
      clearTimeout(slow);
      request.off('data', take).pause();
    };
    const slow = setTimeout(() => {
      try {
        onSlow();
      } catch (error) {
        stop();
        reject(error);
      }
    }, SLOW_MS);
    const take = (piece: Buffer) => {
      pieces++;
      const length = body.length + piece.length;
      const isScattered = pieces > MIN_PIECES + length / MIN_PIECE_BYTES;
      if (length <= maxBytes && !isScattered) return body.add(piece);
      stop();
      resolve(length > maxBytes ? 'too long' : 'too many pieces');
    };
    const finish = (whole: Body) => {
      clearTimeout(slow);
      resolve(whole);
    };
    request.on('data', take);
    request.once('end', () => finish(body.bytes));
    request.once('error', () => finish('gone'));
    request.once('close', () => finish('gone'));
  });
}

/** Bytes that come in pieces. The first piece is not copied, for most bodies have no other. */
class GrowingBuffer {
  #buffer: Buffer = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** All of them. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  add(piece: Buffer): void {
    const length = this.#length + piece.length;
    if (this.#length === 0) {
      this.#buffer = piece;
    } else {
      if (length > this.#buffer.length) {
        const larger = Buffer.allocUnsafe(2 * length);
        this.#buffer.copy(larger, 0, 0, this.#length);
        this.#buffer = larger;
      }
      piece.copy(this.#buffer, this.#length);
    }
    this.#length = length;
  }
}
