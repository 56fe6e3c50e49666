/** The end of the log, as far as this instance knows. */
export class LogHead {
  #position = 0;
  #recordedAt: Date | undefined;
  readonly #listeners: (() => void)[] = [];

  /** The last position; 0 if the log is empty or was not read yet. */
  get position(): number {
    return this.#position;
  }

  /** When the last event was recorded; undefined if the log is empty or was not read yet. */
  get recordedAt(): Date | undefined {
    return this.#recordedAt;
  }

  /** Calls the listener whenever there are new events. */
  onAdvance(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** The log has lost its last events: this is its new end. */
  retreat(position: number, recordedAt: Date | undefined): void {
    if (position < this.#position) this.#set(position, recordedAt);
  }

  /** Records a known end of the log. A position before the present one is ignored. */
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
