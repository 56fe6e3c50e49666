import type { ExecutionResult } from 'graphql';

/** JSON up to this size, in bytes, is copied into each message. That takes less time than a message of several parts. */
const COPIED_BYTES = 16 * 1024;

/** The JSON of an object that many subscribers get. It is serialised once; large JSON is kept as bytes that they share. */
export class SharedJson {
  /** Size in bytes. */
  readonly bytes: number;
  /** An object by which shared bytes are recognised: all JSON that shares large bytes has the same one. */
  readonly source: object;
  readonly #written: string | readonly Buffer[];
  #whole: WeakRef<{ readonly text: string }> | undefined;

  /**
   * @param written the JSON of an object with at least one property: a text, or pieces in UTF-8.
   * @param source see {@link source}; by default it shares bytes with no other.
   */
  constructor(written: string | readonly Buffer[], source: object = {}) {
    this.source = source;
    this.bytes = typeof written === 'string' ? Buffer.byteLength(written) : lengthOf(written);
    if (typeof written !== 'string' && this.bytes <= COPIED_BYTES) this.#written = Buffer.concat(written).toString();
    else if (typeof written === 'string' && this.bytes > COPIED_BYTES) this.#written = [Buffer.from(written)];
    else this.#written = written;
  }

  /** The pieces of large JSON; undefined if it is to be copied as {@link text}. */
  get pieces(): readonly Buffer[] | undefined {
    return typeof this.#written === 'string' ? undefined : this.#written;
  }

  /** All of it. Of large JSON the text is kept only as long as several want it one after the other. */
  get text(): string {
    if (typeof this.#written === 'string') return this.#written;
    let whole = this.#whole?.deref();
    if (!whole) {
      whole = { text: Buffer.concat(this.#written).toString() };
      this.#whole = new WeakRef(whole);
    }
    return whole.text;
  }

  /** The JSON of the same object with one more property, which it does not have yet. */
  with(name: string, value: unknown): SharedJson {
    const end = `,${JSON.stringify(name)}:${JSON.stringify(value)}}`;
    if (typeof this.#written === 'string') return new SharedJson(`${this.#written.slice(0, -1)}${end}`);
    const last = this.#written.at(-1) as Buffer;
    const pieces = [...this.#written.slice(0, -1), last.subarray(0, -1), Buffer.from(end)];
    return new SharedJson(pieces, this.source);
  }
}

/**
 * Sends a message that many subscribers get to one of them. Resolves when it is written: until then nothing more of the
 * same subscription is sent.
 */
export type SharedSink = (message: SharedJson) => Promise<void>;

/** A message that many subscribers get. Transports send its JSON; its data is parsed only if somebody looks at it. */
export interface SharedResult extends ExecutionResult {
  readonly shared: SharedJson;
  /** Yoga calls this for event streams. */
  readonly stringify: () => string;
}

/**
 * A message of which everything but its extensions is serialised already.
 * @param errors as the JSON has them.
 */
export function sharedResult(
  json: SharedJson,
  errors: ExecutionResult['errors'],
  extensions: Readonly<Record<string, unknown>>,
): SharedResult {
  const shared = json.with('extensions', extensions);
  const result = { ...(errors && { errors }), extensions, shared, stringify: () => shared.text };
  // Not enumerable: who copies the message does not look at its data.
  return Object.defineProperty(result, 'data', {
    get: () => (JSON.parse(json.text) as ExecutionResult).data ?? null,
  });
}

/** The JSON of a message that many subscribers get; undefined for a message of one. */
export function sharedJsonOf(result: ExecutionResult): SharedJson | undefined {
  return (result as Partial<SharedResult>).shared;
}

function lengthOf(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}
