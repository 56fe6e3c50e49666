import type { Socket } from 'node:net';

/**
 * Bytes that are given to the network at once. The kernel copies them, and on one machine delivers them too, while the
 * event loop waits: this takes half a millisecond to a few.
 */
export const SLICE_BYTES = 128 * 1024;

interface WaitingBytes {
  readonly bytes: Buffer;
  readonly done: (() => void) | undefined;
}

/**
 * Writes large messages to a socket one slice at a time, each in a turn of the event loop of its own. Messages keep
 * their order. Small ones are written at once if no slices wait.
 */
export class SlicedWriter {
  readonly #socket: Pick<Socket, 'write' | 'end'>;
  readonly #onDrain: () => void;
  #waiting: WaitingBytes[] = [];
  #queued = 0;
  #isWriting = false;
  #isEnding = false;

  /** @param onDrain called when everything is written, after `write` has returned false for slices that wait. */
  constructor(socket: Pick<Socket, 'write' | 'end'>, onDrain: () => void) {
    this.#socket = socket;
    this.#onDrain = onDrain;
  }

  /** Bytes that were not given to the socket yet. */
  get queued(): number {
    return this.#queued;
  }

  /** @returns false if the writer should wait for the drain. */
  write(bytes: Buffer, done?: () => void): boolean {
    if (!this.#isWriting && bytes.length <= SLICE_BYTES) return this.#socket.write(bytes, done);
    this.#waiting.push({ bytes, done });
    this.#queued += bytes.length;
    if (!this.#isWriting) {
      this.#isWriting = true;
      this.#next();
    }
    return false;
  }

  /** Ends the socket after everything that waits. */
  end(bytes?: Buffer): void {
    if (bytes) this.write(bytes);
    this.#isEnding = true;
    if (!this.#isWriting) this.#socket.end();
  }

  readonly #next = (): void => {
    const [first] = this.#waiting;
    if (!first) {
      this.#isWriting = false;
      if (this.#isEnding) this.#socket.end();
      else this.#onDrain();
      return;
    }
    const slice = first.bytes.subarray(0, SLICE_BYTES);
    const rest = first.bytes.subarray(SLICE_BYTES);
    const isLast = rest.length === 0;
    if (isLast) this.#waiting.shift();
    else this.#waiting[0] = { bytes: rest, done: first.done };
    this.#queued -= slice.length;
    this.#socket.write(slice, (error) => {
      // The socket reports the error, and closes.
      if (error) return;
      if (isLast) first.done?.();
      setImmediate(this.#next);
    });
  };
}
