/**
 * Events on their way, which are done in any order: how far all are done. Those of one line (a process, a stream) are done one
 * after the other, those of different lines side by side.
 */
export class InFlight {
  /** In the order of positions, in which they came. */
  readonly #open = new Set<number>();
  readonly #lines = new Map<string, Promise<void>>();
  #seen: number;

  /** @param position everything up to here is done. */
  constructor(position: number) {
    this.#seen = position;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Everything up to here is done. */
  get done(): number {
    const [oldest] = this.#open;
    return oldest === undefined ? this.#seen : oldest - 1;
  }

  /** True while something that was added in this line is not done. */
  isOpen(line: string): boolean {
    return this.#lines.has(line);
  }

  /** Nothing is to be done up to here but what was added. Positions only grow. */
  saw(position: number): void {
    this.#seen = position;
  }

  /**
   * Does the work for an event when all that was added in the same line is done. Where the work says that it is not done,
   * the event stays open. It does not reject.
   */
  add(position: number, line: string, work: () => Promise<boolean>): Promise<void> {
    this.#open.add(position);
    const turn = (this.#lines.get(line) ?? Promise.resolve()).then(work).then((isDone) => {
      if (isDone) this.#open.delete(position);
      if (this.#lines.get(line) === turn) this.#lines.delete(line);
    });
    this.#lines.set(line, turn);
    return turn;
  }

  /** Resolves when nothing is on its way. */
  async settled(): Promise<void> {
    await Promise.all(this.#lines.values());
  }
}
