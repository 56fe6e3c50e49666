import { ThrottledError } from '../errors.ts';

/** What is known of a read model when commands are let in or not. */
export interface Lagging {
  readonly name: string;
  /** It is being filled for the first time, or waits to be filled anew for another version. */
  readonly isIncomplete: boolean;
  readonly position: number;
  readonly lag: number;
  readonly lagMs: number;
}

/** Bounds of what a client is told, in ms. */
const SOONEST_MS = 1000;
const LATEST_MS = 10_000;

/**
 * Whether commands are taken: not while a read model is so far behind that taking more would only make it worse. It is asked
 * for the application's own commands too: an importer writes more than anybody, and can wait. It is not asked for what a process
 * issues: that continues what was taken already, and one read model that stands still must not hold up every order. Asking costs
 * nothing; what is answered is worked out by whoever looks at the read models from time to time.
 */
export class Admission {
  readonly #throttleLagMs: number;
  #refused: { readonly reason: string; readonly retryAfterMs: number } | undefined;
  /** Where the one that is too far behind was when that began. */
  #began: { readonly name: string; readonly position: number; readonly at: number } | undefined;

  /** @param throttleLagMs lag at which commands are refused; 0 never does. */
  constructor(throttleLagMs: number) {
    this.#throttleLagMs = throttleLagMs;
  }

  /** @throws {ThrottledError} while a read model is too far behind. */
  assertAdmitted(): void {
    if (this.#refused) throw new ThrottledError(this.#refused.retryAfterMs, this.#refused.reason);
  }

  /**
   * Looks at the read models. Whoever moves one, or that nobody does, makes no difference. One that is incomplete is passed
   * over: it is behind because of what was there before, not because too much comes.
   */
  judge(readModels: readonly Lagging[]): void {
    const counted = readModels.filter(({ isIncomplete, lagMs }) => !isIncomplete && lagMs >= this.#throttleLagMs);
    const worst = counted.reduce<Lagging | undefined>((a, b) => (a && a.lagMs >= b.lagMs ? a : b), undefined);
    if (!worst || this.#throttleLagMs === 0) {
      this.#refused = undefined;
      this.#began = undefined;
      return;
    }
    const { name, position, lag, lagMs } = worst;
    if (this.#began?.name !== name) this.#began = { name, position, at: Date.now() };
    const events = lag === 1 ? '1 event' : `${lag} events`;
    this.#refused = {
      reason: `Read model ${name} is ${Math.round(lagMs / 1000)} s behind (${events}): commands wait until it has caught up.`,
      retryAfterMs: this.#retryAfterMs(worst, this.#began),
    };
  }

  /** When it is likely to have caught up, at the pace that it has had since it was too far behind. */
  #retryAfterMs(now: Lagging, began: { readonly position: number; readonly at: number }): number {
    const moved = now.position - began.position;
    if (moved <= 0) return LATEST_MS;
    const ms = (now.lag * (Date.now() - began.at)) / moved;
    return Math.round(Math.min(LATEST_MS, Math.max(SOONEST_MS, ms)));
  }
}
