/**
 * Distributes turns of the event loop. Between two pieces of work, everybody's sockets and timers are looked at once, however
 * many callers have work that they could go on with at once because all that they need is in memory.
 */
export class LoopTurns {
  #last: Promise<void> = Promise.resolve();

  /** Resolves in a turn of the event loop that no other caller has been given, in the order of the calls. */
  take(): Promise<void> {
    this.#last = this.#last.then(() => new Promise((resolve) => setImmediate(resolve)));
    return this.#last;
  }
}
