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

/** Bytes that are taken of a body before anybody reads it. */
const AHEAD_BYTES = 64 * 1024;

/**
 * The body of a request, up to the given number of bytes. What has arrived takes at most twice its bytes in memory, however
 * small the pieces are: otherwise a client that sends chunks of one byte would make us keep an object for each. That is also
 * true before it is read: Node itself would keep 65,536 of them for each connection, and parse as many. So the body is collected
 * from the start, and a connection that sends too many pieces is closed.
 */
export class ArrivingBody {
  readonly #request: IncomingMessage;
  readonly #maxBytes: number;
  readonly #reader: SlicedReader;
  readonly #body = new GrowingBuffer();
  readonly #whole = Promise.withResolvers<Body>();
  #pieces = 0;
  #isRead = false;
  #isOver = false;

  constructor(request: IncomingMessage, maxBytes: number) {
    this.#request = request;
    this.#maxBytes = maxBytes;
    this.#reader = new SlicedReader(request, (piece) => this.#take(piece));
    request.on('data', this.#receive);
    request.once('end', () => this.#finish(this.#body.bytes));
    request.once('error', () => this.#finish('gone'));
    request.once('close', () => this.#finish('gone'));
  }

  /**
   * Reads all of it.
   * @param onSlow called once if the body takes long; if it throws, reading ends.
   */
  async read(onSlow: () => void): Promise<Body> {
    this.#isRead = true;
    if (!this.#isOver) this.#reader.resume();
    const slow = later(SLOW_MS, () => {
      try {
        onSlow();
      } catch (error) {
        this.#stop();
        this.#whole.reject(error);
      }
    });
    try {
      return await this.#whole.promise;
    } finally {
      slow.cancel();
    }
  }

  readonly #receive = (piece: Buffer): void => this.#reader.take(piece);

  #take(piece: Buffer): void {
    this.#pieces++;
    const length = this.#body.length + piece.length;
    if (length > this.#maxBytes) {
      this.#refuse('too long');
    } else if (this.#pieces > MIN_PIECES + length / MIN_PIECE_BYTES) {
      this.#refuse('too many pieces');
    } else {
      this.#body.add(piece);
      if (!this.#isRead && length >= AHEAD_BYTES) this.#reader.pause();
    }
  }

  // Iterating over the request and breaking off would close its connection, but one whose body is too long is still answered.
  #refuse(why: Body): void {
    this.#stop();
    this.#finish(why);
    // Node would parse on although the request is paused.
    if (why === 'too many pieces') this.#request.destroy();
  }

  #stop(): void {
    this.#isOver = true;
    this.#request.off('data', this.#receive);
    this.#reader.pause();
  }

  #finish(whole: Body): void {
    this.#isOver = true;
    this.#whole.resolve(whole);
  }
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
