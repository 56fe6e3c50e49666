/** The end of the log, as far as this instance knows. */
export class LogHead {
  #position = 0;
  #recordedAt: Date | undefined;
  readonly #listeners: (() => void)[] = [];

  /** The last position; 0 if the log is empty or nobody has looked. */
  get position(): number {
    return this.#position;
  }

  /** When the last event was recorded; undefined if the log is empty or nobody has looked. */
  get recordedAt(): Date | undefined {
    return this.#recordedAt;
  }

  /** Calls back whenever there are new events. */
  onAdvance(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** The log has lost its last events. */
  retreat(position: number, recordedAt: Date | undefined): void {
    if (position < this.#position) this.#set(position, recordedAt);
  }

  /** Takes note of how far the log goes. It never goes back. */
  advance(position: number, recordedAt: Date | undefined): void {
    if (position <= this.#position) return;
    this.#set(position, recordedAt);
    for (const listener of this.#listeners) listener();
  }

  #set(position: number, recordedAt: Date | undefined): void {
    this.#position = position;
    this.#recordedAt = recordedAt;
  }
}
