import { ThrottledError } from '../../errors.ts';
import { Loads } from './loads.ts';
import { Movement } from './movement.ts';

/** Facts about a read model that decide the admission of commands. */
export interface Lagging {
  readonly name: string;
  /** It is being filled for the first time, or waits to be filled again for another version. */
  readonly isIncomplete: boolean;
  readonly position: number;
  readonly lag: number;
  readonly lagMs: number;
}

/** Bytes of events that count as much as one event. */
const BYTES_OF_ONE = 4096;
/** Initiators with less recent load than this, in events, are light: they wait only in the emergency. */
const LIGHT = 100;
/** The share of the recent load that one initiator may have, when the lag begins to count and at its end. */
const FIRST_SHARE = 1 / 2;
const LAST_SHARE = 1 / 32;

/** In events: a shorter backlog is not the work of one initiator. */
const BACKLOG = 100;

/** Bounds of `retryAfterMs`. */
const SOONEST_MS = 1000;
const LATEST_MS = 10_000;

/**
 * Decides whether commands are accepted: not while a read model is so far behind that more events would only make it
 * worse. This applies to the application's own commands too: an importer writes more than anybody, and can wait. It
 * does not apply to commands of processes: these continue accepted work, and one read model that stands still must not
 * delay every order. Asking costs nothing; the answer is computed when the read models are checked from time to time.
 */
export class Admission {
  readonly #throttleLagMs: number;
  readonly #fairLagMs: number;
  readonly #loads: Loads;
  readonly #movement: Movement;
  /** A read model is behind: initiators with a larger share of the load than this wait first. */
  #pressed: { readonly share: number; readonly reason: string; readonly retryAfterMs: number } | undefined;
  #refused: { readonly reason: string; readonly retryAfterMs: number } | undefined;
  #crowdedBy: (initiator: string) => string | undefined = () => undefined;
  /** The position of the read model that is too far behind, when that began. */
  #began: { readonly name: string; readonly position: number; readonly at: number } | undefined;

  /**
   * @param throttleLagMs lag at which all commands are refused; 0 never refuses.
   * @param fairLagMs lag at which the commands of those who cause most of it are refused; 0 never refuses. The further it
   *   lags, the smaller the share that counts as most. Exempt are initiators with little load, and the application itself.
   *   Nobody is the cause if a read model stands still, catches up after that, or has little to catch up with.
   */
  constructor(throttleLagMs: number, fairLagMs = 0, loads = new Loads(), movement = new Movement()) {
    this.#throttleLagMs = throttleLagMs;
    this.#fairLagMs = fairLagMs;
    this.#loads = loads;
    this.#movement = movement;
  }

  /** @param crowdedBy the kind of process or effect in which an initiator has more to be done than its share. */
  watchProcesses(crowdedBy: (initiator: string) => string | undefined): void {
    this.#crowdedBy = crowdedBy;
  }

  /** Counts an append for its initiator, also if a process acted on their behalf. */
  appended(initiator: string, events: number, bytes: number): void {
    this.#loads.add(initiator, events + bytes / BYTES_OF_ONE);
  }

  /**
   * @param initiator on whose behalf it is; undefined if they are never refused before others.
   * @throws {ThrottledError} while a read model is too far behind, or what the initiator has set off is.
   */
  assertAdmitted(initiator?: string): void {
    if (this.#refused) throw new ThrottledError(this.#refused.retryAfterMs, this.#refused.reason);
    if (initiator === undefined) return;
    const crowded = this.#crowdedBy(initiator);
    if (crowded) {
      const reason = `${crowded} has much to do that you have set off: your commands wait until some of it is done.`;
      throw new ThrottledError(SOONEST_MS, reason);
    }
    if (!this.#pressed) return;
    const load = this.#loads.of(initiator);
    if (load < LIGHT || load <= this.#pressed.share * this.#loads.total) return;
    throw new ThrottledError(this.#pressed.retryAfterMs, this.#pressed.reason);
  }

  /**
   * Looks at the read models, those of all instances. One that is incomplete is passed
   * over: it is behind because of what was there before, not because too much comes.
   */
  judge(readModels: readonly Lagging[]): void {
    const complete = readModels.filter(({ isIncomplete }) => !isIncomplete);
    const moving = complete.filter(({ name, position }) => this.#movement.saw(name, position));
    this.#press(furthestBehind(moving.filter(({ lag }) => lag >= BACKLOG)));
    const worst = furthestBehind(complete.filter(({ lagMs }) => lagMs >= this.#throttleLagMs));
    if (!worst || this.#throttleLagMs === 0) {
      this.#refused = undefined;
      this.#began = undefined;
      return;
    }
    const { name, position, lag, lagMs } = worst;
    if (this.#began?.name !== name) this.#began = { name, position, at: performance.now() };
    const events = lag === 1 ? '1 event' : `${lag} events`;
    this.#refused = {
      reason: `Read model ${name} is ${Math.round(lagMs / 1000)} s behind (${events}): commands wait until it has caught up.`,
      retryAfterMs: this.#retryAfterMs(worst, this.#began),
    };
  }

  #press(worst: Lagging | undefined): void {
    this.#pressed = undefined;
    if (!worst || this.#fairLagMs === 0 || worst.lagMs < this.#fairLagMs) return;
    const { name, lagMs } = worst;
    const end = Math.max(this.#throttleLagMs, this.#fairLagMs * 2);
    const far = Math.min(1, Math.log(lagMs / this.#fairLagMs) / Math.log(end / this.#fairLagMs));
    this.#pressed = {
      share: FIRST_SHARE * (LAST_SHARE / FIRST_SHARE) ** far,
      reason: `Read model ${name} is ${Math.round(lagMs / 1000)} s behind, and much of that is yours: your commands wait first.`,
      retryAfterMs: Math.round(Math.min(LATEST_MS, Math.max(SOONEST_MS, lagMs))),
    };
  }

  /** When it is likely to have caught up, at the pace that it has had since it was too far behind. */
  #retryAfterMs(now: Lagging, began: { readonly position: number; readonly at: number }): number {
    const moved = now.position - began.position;
    if (moved <= 0) return LATEST_MS;
    const ms = (now.lag * (performance.now() - began.at)) / moved;
    return Math.round(Math.min(LATEST_MS, Math.max(SOONEST_MS, ms)));
  }
}

function furthestBehind(readModels: readonly Lagging[]): Lagging | undefined {
  return readModels.reduce<Lagging | undefined>((a, b) => (a && a.lagMs >= b.lagMs ? a : b), undefined);
}
