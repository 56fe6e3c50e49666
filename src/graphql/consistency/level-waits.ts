import type { Signal } from '../../database/signal.ts';
import type { Positions } from '../../kernel/consistency/positions.ts';
import { DEFAULT_WAIT_MS } from './wait.ts';

/**
 * Waits for read models that are behind others, before a message shows them together: they move one after the other, and
 * nothing tells a subscription when all of them show the same change. One that stands still is waited for once, not with
 * each message.
 */
export class LevelWaits {
  readonly #positions: Pick<Positions, 'of' | 'reached'>;
  readonly #waitMs: number;
  /** Where read models stood that did not get further in time. */
  readonly #late = new Map<string, number>();

  /** @param waitMs how long to wait, at most. */
  constructor(positions: Pick<Positions, 'of' | 'reached'>, waitMs: number = DEFAULT_WAIT_MS) {
    this.#positions = positions;
    this.#waitMs = waitMs;
  }

  /**
   * Resolves when these read models have reached a position, when their time is over, or when the signal is aborted. One
   * that cannot get there now is shown as it is.
   *
   * @param caller to whom the waits count.
   */
  async level(readModels: readonly string[], position: number, caller: string, signal: Signal): Promise<void> {
    const options = { signal, caller, as: 'subscription', timeoutMs: this.#waitMs } as const;
    await Promise.all(
      readModels.map(async (name) => {
        if (this.#late.get(name) === this.#positions.of(name)) return;
        const isThere = await this.#positions.reached(name, position, options).catch(() => false);
        if (!isThere && !signal.aborted) this.#late.set(name, this.#positions.of(name));
      }),
    );
  }
}
