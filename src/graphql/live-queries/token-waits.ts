import { Ending, type Signal } from '../../database/signal.ts';
import type { Positions } from '../../kernel/consistency/positions.ts';
import type { LiveSubscriber } from './subscriber.ts';

/** Waits until the read models of a live query have reached a position. They hold no connection and have no time limit. */
export class TokenWaits {
  readonly #positions: Pick<Positions, 'reached'>;
  readonly #readModels: readonly string[];
  readonly #waiting = new Map<LiveSubscriber, Ending>();

  constructor(positions: Pick<Positions, 'reached'>, readModels: readonly string[]) {
    this.#positions = positions;
    this.#readModels = readModels;
  }

  /** Resolves when all of the read models have reached the position, or the signal is aborted. @throws {ThrottledError} */
  async reached(position: number, caller: string, signal: Signal): Promise<void> {
    const options = { signal, caller, as: 'subscription' } as const;
    await Promise.all(this.#readModels.map((name) => this.#positions.reached(name, position, options)));
  }

  /**
   * Waits for what a subscriber reads after, then calls back; never for a subscriber who has been forgotten.
   * @param onRefused called instead if there are too many waits.
   */
  async wait(subscriber: LiveSubscriber, onReached: () => void, onRefused: (error: unknown) => void): Promise<void> {
    if (this.#waiting.has(subscriber)) return;
    const signal = new Ending();
    this.#waiting.set(subscriber, signal);
    try {
      await this.reached(subscriber.position, subscriber.context.caller, signal);
    } catch (error) {
      this.forget(subscriber);
      onRefused(error);
      return;
    }
    if (signal.aborted) return;
    this.#waiting.delete(subscriber);
    onReached();
  }

  forget(subscriber: LiveSubscriber): void {
    this.#waiting.get(subscriber)?.abort();
    this.#waiting.delete(subscriber);
  }
}
