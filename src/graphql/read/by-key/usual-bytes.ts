/** Bytes that a value is assumed to have before any was seen. */
const ASSUMED_BYTES = 4096;
/** Values of a batch that are measured. */
const MEASURED = 16;
/** Weight of a batch against those before it, if its values are smaller. */
const WEIGHT = 0.25;

/** The usual size of values, from the last batches of them. Larger values count at once, smaller ones bit by bit. */
export class UsualBytes<Value> {
  readonly #bytesOf: (value: Value) => number;
  #bytes = ASSUMED_BYTES;

  constructor(bytesOf: (value: Value) => number) {
    this.#bytesOf = bytesOf;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Measures some of the values of a batch, evenly spread. */
  note(values: ReadonlyMap<string, Value>): void {
    if (values.size === 0) return;
    const step = Math.ceil(values.size / MEASURED);
    let nth = 0;
    let measured = 0;
    let sum = 0;
    for (const value of values.values()) {
      if (nth++ % step !== 0) continue;
      measured++;
      sum += this.#bytesOf(value);
    }
    const average = Math.max(1, sum / measured);
    this.#bytes = average > this.#bytes ? average : this.#bytes + WEIGHT * (average - this.#bytes);
  }
}
