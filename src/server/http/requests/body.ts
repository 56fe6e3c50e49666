import type { IncomingMessage } from 'node:http';
import { SlicedReader } from '../../../scheduling/sliced-reader.ts';
import { later } from '../../../scheduling/timers.ts';

/** A body that takes longer than this to arrive counts as slow, in ms. */
const SLOW_MS = 1000;
/** Pieces in which any body may arrive. A longer body may have more pieces if they have this many bytes on average. */
const MIN_PIECES = 1000;
const MIN_PIECE_BYTES = 64;

/** The body of a request, or why there is none: it is too long, it has too many pieces, or the client has gone away. */
export type Body = Buffer | 'too long' | 'too many pieces' | 'gone';

/**
 * Reads the body of a request, up to the given number of bytes. What has arrived takes at most twice its bytes in
 * memory, however small the pieces are: otherwise a client that sends chunks of one byte would make us keep an object
 * for each.
 * @param onSlow called once if the body takes long; if it throws, reading ends.
 */
export function readBody(request: IncomingMessage, maxBytes: number, onSlow: () => void): Promise<Body> {
  // Iterating over the request and breaking off would close its connection, but we still have to answer on it.
  return new Promise((resolve, reject) => {
    const body = new GrowingBuffer();
    let pieces = 0;
    const stop = () => {
      slow.cancel();
      request.off('data', receive);
      reader.pause();
    };
    const slow = later(SLOW_MS, () => {
      try {
        onSlow();
      } catch (error) {
        stop();
        reject(error);
      }
    });
    const take = (piece: Buffer) => {
      pieces++;
      const length = body.length + piece.length;
      const isScattered = pieces > MIN_PIECES + length / MIN_PIECE_BYTES;
      if (length <= maxBytes && !isScattered) return body.add(piece);
      stop();
      resolve(length > maxBytes ? 'too long' : 'too many pieces');
    };
    const reader = new SlicedReader(request, take);
    const receive = (piece: Buffer) => reader.take(piece);
    const finish = (whole: Body) => {
      slow.cancel();
      resolve(whole);
    };
    request.on('data', receive);
    request.once('end', () => finish(body.bytes));
    request.once('error', () => finish('gone'));
    request.once('close', () => finish('gone'));
  });
}

/** Collects bytes that arrive in pieces. The first piece is not copied, because most bodies have only one. */
class GrowingBuffer {
  #buffer: Buffer = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** All bytes so far. */
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
