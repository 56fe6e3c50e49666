import type { LagChange } from '../../observe/occurrences.ts';
import { isWorse, type LagState } from './lag.ts';
import type { ProjectionStatus } from './projection-status.ts';

/**
 * A better state is reported only after it has lasted this long, in ms. Otherwise, there would be a report every moment
 * under load.
 */
const STEADY_MS = 3000;

interface Reported {
  state: LagState;
  /** When the state became better than the reported one. */
  betterSince: number | undefined;
}

/**
 * Reports when the lag of a projection changes to another state, if this instance or no instance runs the projection.
 */
export class LagReport {
  readonly #reported = new Map<string, Reported>();
  readonly #onChange: (change: LagChange) => void;

  constructor(onChange: (change: LagChange) => void) {
    this.#onChange = onChange;
  }

  /** Compares the states with the reported ones. A worse state is reported at once, a better one when it has lasted. */
  check(projections: readonly ProjectionStatus[], now = performance.now()): void {
    for (const status of projections) {
      const { name, lagState, isOurs, state } = status;
      if (!isOurs && state !== 'STOPPED') {
        // The owner reports it.
        this.#reported.delete(name);
        continue;
      }
      const reported = this.#reported.get(name) ?? { state: 'NORMAL', betterSince: undefined };
      this.#reported.set(name, reported);
      if (isWorse(lagState, reported.state)) this.#tell(reported, status);
      else if (lagState === reported.state) reported.betterSince = undefined;
      else if (reported.betterSince === undefined) reported.betterSince = now;
      else if (now - reported.betterSince >= STEADY_MS) this.#tell(reported, status);
    }
  }

  #tell(reported: Reported, { name, lagState, lag, lagMs }: ProjectionStatus): void {
    const from = reported.state;
    reported.state = lagState;
    reported.betterSince = undefined;
    this.#onChange({ projection: name, from, to: lagState, lag, lagMs });
  }
}
