import { Ending, type Signal } from '../../database/signal.ts';
import type { Positions } from '../../kernel/consistency/positions.ts';
import { LevelWaits } from '../consistency/level-waits.ts';
import type { LiveSubscriber } from './subscriber.ts';

/** Waits until the read models of a live query have reached a position. They hold no connection. */
export class TokenWaits {
  readonly #positions: Pick<Positions, 'of' | 'reached'>;
  readonly #readModels: readonly string[];
  readonly #level: LevelWaits;
  readonly #waiting = new Map<LiveSubscriber, Ending>();

  /** @param lateMs how long to wait for read models that are behind the newest. */
  constructor(positions: Pick<Positions, 'of' | 'reached'>, readModels: readonly string[], lateMs?: number) {
    this.#positions = positions;
    this.#readModels = readModels;
    this.#level = new LevelWaits(positions, lateMs);
  }

  /** Resolves when all of the read models have reached the position, however long it takes, or the signal is aborted. @throws {ThrottledError} */
  async reached(position: number, caller: string, signal: Signal): Promise<void> {
    const options = { signal, caller, as: 'subscription' } as const;
    await Promise.all(this.#readModels.map((name) => this.#positions.reached(name, position, options)));
  }

  /**
   * The same, and then waits up to two seconds for read models that are behind the newest of them. They move one after the other, and
   * the token of an answer must not be before what the answer shows.
   */
  async level(position: number, caller: string, signal: Signal): Promise<void> {
    await this.reached(position, caller, signal);
    const newest = Math.max(...this.#readModels.map((name) => this.#positions.of(name)));
    await this.#level.level(this.#readModels, newest, caller, signal);
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
