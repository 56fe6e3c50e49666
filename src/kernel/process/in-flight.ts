/**
 * Events on their way through a process manager, which finish in any order: how far all are done. Those of one process are
 * done one after the other, those of different processes side by side.
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

  /** Nothing is to be done up to here but what was added. Positions only grow. */
  saw(position: number): void {
    this.#seen = position;
  }

  /**
   * Does the work for an event when all that was added for the same process is done. Where the work says that it is not done,
   * the event stays open. It does not reject.
   */
  add(position: number, process: string, work: () => Promise<boolean>): Promise<void> {
    this.#open.add(position);
    const turn = (this.#lines.get(process) ?? Promise.resolve()).then(work).then((isDone) => {
      if (isDone) this.#open.delete(position);
      if (this.#lines.get(process) === turn) this.#lines.delete(process);
    });
    this.#lines.set(process, turn);
    return turn;
  }

  /** Resolves when nothing is on its way. */
  async settled(): Promise<void> {
    await Promise.all(this.#lines.values());
  }
}
