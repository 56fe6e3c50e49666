/**
 * Bytes of one source that are read before everybody else has a turn. Node reads up to 2 MB of a socket without returning
 * to the event loop, and what is done with them takes milliseconds for each socket that has as much.
 */
export const READ_SLICE_BYTES = 128 * 1024;

/** A socket, or the body of a request. */
interface Source {
  pause(): unknown;
  resume(): unknown;
}

/**
 * Hands on what a source receives, about one slice in each turn of the event loop. Less than a slice never waits. Only the
 * reader may pause and resume the source.
 */
export class SlicedReader {
  readonly #source: Source;
  readonly #onData: (bytes: Buffer) => void;
  /** Bytes in the present turn of the event loop. */
  #bytes = 0;
  #isCounting = false;
  #isResting = false;
  #isPaused = false;

  /** @param onData is given the bytes as they arrive. */
  constructor(source: Source, onData: (bytes: Buffer) => void) {
    this.#source = source;
    this.#onData = onData;
  }

  /** The source has received bytes. */
  take(bytes: Buffer): void {
    this.#bytes += bytes.length;
    if (!this.#isCounting) {
      this.#isCounting = true;
      setImmediate(this.#nextTurn);
    }
    if (this.#bytes >= READ_SLICE_BYTES && !this.#isResting) {
      this.#isResting = true;
      this.#source.pause();
    }
    this.#onData(bytes);
  }

  /** Nothing more is read until {@link resume}. */
  pause(): void {
    this.#isPaused = true;
    this.#source.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#isResting) this.#source.resume();
  }

  readonly #nextTurn = (): void => {
    this.#bytes = 0;
    this.#isCounting = false;
    if (!this.#isResting) return;
    this.#isResting = false;
    if (!this.#isPaused) this.#source.resume();
  };
}
