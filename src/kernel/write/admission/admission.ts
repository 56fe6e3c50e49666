import { ThrottledError } from '../../errors.ts';
import { Loads } from './loads.ts';
import { Movement } from './movement.ts';

/** The facts about a read model on which admission depends. */
export interface Lagging {
  readonly name: string;
  /** False while this process fills it or catches up with it after its start. */
  readonly isServed: boolean;
  /** AHEAD_OF_CODE if it waits for newer code. */
  readonly state: string;
  readonly position: number;
  readonly lag: number;
  readonly lagMs: number;
}

/** Bytes of events that count as one event. */
const BYTES_OF_ONE = 4096;
/** Initiators with less recent load than this, in events, are light: they wait only in the emergency. */
const LIGHT = 100;
/** The share of the recent load that one initiator may have: at the lowest lag that counts, and at the highest. */
const FIRST_SHARE = 1 / 2;
const LAST_SHARE = 1 / 32;

/** A shorter backlog than this, in events, is not the work of one initiator. */
const BACKLOG = 100;

/** Bounds of `retryAfterMs`, in ms. */
const SOONEST_MS = 1000;
const LATEST_MS = 10_000;

/**
 * Decides if commands are accepted. They are refused while a read model is so far behind that more events would only
 * make it worse. This applies to the application's own commands too: an importer writes more than anybody, and can
 * wait. It does not apply to commands of processes: these continue accepted work, and one read model that stands still
 * must not delay every command. Asking costs nothing, because the answer is computed when the read models are checked.
 */
export class Admission {
  readonly #throttleLagMs: number;
  readonly #fairLagMs: number;
  readonly #loads: Loads;
  readonly #movement: Movement;
  /** Set while a read model is behind. Initiators with a larger share of the load than this wait first. */
  #pressed: { readonly share: number; readonly reason: string; readonly retryAfterMs: number } | undefined;
  #refused: { readonly reason: string; readonly retryAfterMs: number } | undefined;
  #crowdedBy: (initiator: string) => string | undefined = () => undefined;
  /** The position of the read model that is too far behind, at the moment when that was first seen. */
  #began: { readonly name: string; readonly position: number; readonly at: number } | undefined;

  /**
   * @param throttleLagMs lag at which all commands are refused; 0 never refuses.
   * @param fairLagMs lag from which on the commands of the initiators who cause most of the load are refused; 0 never
   * refuses. The further the read model lags, the smaller the share that counts as most. Initiators with little load
   * and the application itself are exempt. No initiator counts as the cause if the read model stands still, has just
   * moved again after standing still, or has a short backlog.
   */
  constructor(throttleLagMs: number, fairLagMs = 0, loads = new Loads(), movement = new Movement()) {
    this.#throttleLagMs = throttleLagMs;
    this.#fairLagMs = fairLagMs;
    this.#loads = loads;
    this.#movement = movement;
  }

  /** @param crowdedBy the kind of process or effect in which an initiator has more pending work than their share. */
  watchProcesses(crowdedBy: (initiator: string) => string | undefined): void {
    this.#crowdedBy = crowdedBy;
  }

  /** Counts an append for its initiator, also if a process acted on their behalf. */
  appended(initiator: string, events: number, bytes: number): void {
    this.#loads.add(initiator, events + bytes / BYTES_OF_ONE);
  }

  /**
   * @param initiator the actor whose request caused the command; undefined if the command counts for nobody.
   * @throws {ThrottledError} if a read model is too far behind, or if processes have too much to do for this initiator.
   */
  assertAdmitted(initiator?: string): void {
    if (this.#refused) throw new ThrottledError(this.#refused.retryAfterMs, this.#refused.reason);
    if (initiator === undefined) return;
    const crowded = this.#crowdedBy(initiator);
    if (crowded) {
      const reason = `${crowded} still has much to do because of your earlier commands. Your new commands wait until some of it is done.`;
      throw new ThrottledError(SOONEST_MS, reason);
    }
    if (!this.#pressed) return;
    const load = this.#loads.of(initiator);
    if (load < LIGHT || load <= this.#pressed.share * this.#loads.total) return;
    throw new ThrottledError(this.#pressed.retryAfterMs, this.#pressed.reason);
  }

  /**
   * Computes the answer from the read models of this code, whichever instances run them. It skips those that lag for another reason
   * than that too many events arrive: they are being filled, they catch up after a start (of code that is rolled back, for example),
   * or they wait for newer code.
   */
  judge(readModels: readonly Lagging[]): void {
    const served = readModels.filter(({ isServed, state }) => isServed && state !== 'AHEAD_OF_CODE');
    const moving = served.filter(({ name, position }) => this.#movement.saw(name, position));
    this.#press(furthestBehind(moving.filter(({ lag }) => lag >= BACKLOG)));
    const worst = furthestBehind(served.filter(({ lagMs }) => lagMs >= this.#throttleLagMs));
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
      reason: `Read model ${name} is ${Math.round(lagMs / 1000)} s behind, and much of its load is yours. Your commands wait before those of others.`,
      retryAfterMs: Math.round(Math.min(LATEST_MS, Math.max(SOONEST_MS, lagMs))),
    };
  }

  /** The estimated time until the read model has caught up, at its speed since it was first seen too far behind. */
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
