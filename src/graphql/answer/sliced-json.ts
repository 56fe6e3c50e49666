import { approximateBytes } from '../../kernel/bytes.ts';

/** Approximate bytes in memory that are serialised at once: 1 to 2 ms of work. */
export const SLICE_BYTES = 128 * 1024;

/**
 * Serialises a value as JSON in UTF-8, one slice at a time. `JSON.stringify` blocks the event loop until it is done,
 * which takes 100 ms for an answer of 10 MB.
 * @param turn is awaited before each slice.
 */
export async function slicedJson(value: unknown, turn: () => Promise<void>): Promise<Buffer[]> {
  const slices = new Slices(turn);
  await turn();
  await slices.add(value);
  return slices.end();
}

class Slices {
  readonly #turn: () => Promise<void>;
  readonly #done: Buffer[] = [];
  #text = '';
  /** Bytes of what is in the text, as memory is counted. */
  #bytes = 0;

  constructor(turn: () => Promise<void>) {
    this.#turn = turn;
  }

  async add(value: unknown): Promise<void> {
    const bytes = approximateBytes(value);
    if (bytes <= SLICE_BYTES || !hasParts(value)) {
      if (this.#bytes > 0 && this.#bytes + bytes > SLICE_BYTES) await this.#next();
      this.#bytes += bytes;
      this.#text += JSON.stringify(value) ?? 'null';
      return;
    }
    const isList = Array.isArray(value);
    this.#text += isList ? '[' : '{';
    let separator = '';
    for (const [name, part] of Object.entries(value)) {
      if (!isList && part === undefined) continue;
      this.#text += isList ? separator : `${separator}${JSON.stringify(name)}:`;
      separator = ',';
      await this.add(part);
    }
    this.#text += isList ? ']' : '}';
  }

  end(): Buffer[] {
    this.#flush();
    return this.#done;
  }

  async #next(): Promise<void> {
    this.#flush();
    await this.#turn();
  }

  #flush(): void {
    this.#done.push(Buffer.from(this.#text));
    this.#text = '';
    this.#bytes = 0;
  }
}

/** A list or a plain object, whose JSON is made of that of its parts. */
function hasParts(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return (prototype === null || prototype === Object.prototype) && !('toJSON' in value);
}
