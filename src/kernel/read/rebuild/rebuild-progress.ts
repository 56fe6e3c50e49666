import type { ShadowRow } from './shadow-checkpoint.ts';

/** Progress of the rebuild of a read model. */
export interface RebuildStatus {
  /** Every event up to here is in the new table. */
  readonly position: number;
  /** The position to reach: the end of the log. */
  readonly target: number;
  readonly startedAt: Date;
  /** 0 if no instance works on it, or it has only just begun. */
  readonly eventsPerSecond: number;
  /** Null if that is not known. */
  readonly secondsLeft: number | null;
  /** Why it does not progress, for operators. */
  readonly failure: string | null;
}

interface ProgressSample {
  readonly at: number;
  readonly position: number;
}

/**
 * The rate covers this time, in ms. A longer average would be wrong, because a rebuild may have waited for hours until
 * an instance continued it.
 */
const WINDOW_MS = 10_000;

/** Follows the progress of all rebuilds by their checkpoints. */
export class RebuildMeter {
  #rows: readonly ShadowRow[] = [];
  readonly #samples = new Map<string, ProgressSample[]>();

  /** Records the current rows. */
  seen(rows: readonly ShadowRow[], now: number = performance.now()): void {
    this.#rows = rows.filter(({ purpose }) => purpose === 'rebuild');
    for (const key of this.#samples.keys()) {
      if (!this.#rows.some((row) => row.key === key)) this.#samples.delete(key);
    }
    for (const { key, position } of this.#rows) {
      const samples = (this.#samples.get(key) ?? []).filter(({ at }) => now - at <= WINDOW_MS);
      // It has begun again.
      if ((samples.at(-1)?.position ?? 0) > position) samples.length = 0;
      this.#samples.set(key, [...samples, { at: now, position }]);
    }
  }

  /**
   * The progress of a rebuild; null if there is none.
   * @param key key of its checkpoint.
   */
  of(key: string, head: number): RebuildStatus | null {
    const row = this.#rows.find((candidate) => candidate.key === key);
    if (!row) return null;
    const { position, startedAt, failure } = row;
    const target = Math.max(head, position);
    const eventsPerSecond = row.owner === null ? 0 : Math.round(rateOf(this.#samples.get(key) ?? []));
    const secondsLeft = eventsPerSecond > 0 ? Math.ceil((target - position) / eventsPerSecond) : null;
    return { position, target, startedAt, eventsPerSecond, secondsLeft, failure };
  }
}

function rateOf(samples: readonly ProgressSample[]): number {
  const [first, last] = [samples[0], samples.at(-1)];
  if (!first || !last || last.at === first.at) return 0;
  return ((last.position - first.position) / (last.at - first.at)) * 1000;
}
