/** A message of Postgres' protocol. */
export interface Frame {
  /** Its type's letter; empty for the first one of a connection, which has none. */
  readonly type: string;
  /** All of it, type and length included. */
  readonly bytes: Buffer;
}

/** As in Postgres. */
const LONGEST_STARTUP = 10_000;

/** Cuts one direction of a connection to Postgres into its messages. TLS is not spoken here. */
export class Frames {
  #rest: Buffer = Buffer.alloc(0);
  #startup: boolean;

  /** @param begins a client's first message has no type: `startup`. */
  constructor(begins: 'startup' | 'typed') {
    this.#startup = begins === 'startup';
  }

  /** The messages that are whole with these bytes. */
  take(data: Buffer): Frame[] {
    this.#rest = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    const frames: Frame[] = [];
    for (;;) {
      const head = this.#startup ? 0 : 1;
      if (this.#rest.length < head + 4) return frames;
      const said = this.#rest.readInt32BE(head);
      // Postgres refuses anything that cannot be a first message.
      const length = head === 0 && (said < 8 || said > LONGEST_STARTUP) ? this.#rest.length : head + said;
      if (this.#rest.length < length) return frames;
      const bytes = this.#rest.subarray(0, length);
      frames.push({ type: head === 0 ? '' : String.fromCharCode(bytes[0] as number), bytes });
      this.#rest = this.#rest.subarray(length);
      this.#startup = false;
    }
  }
}
