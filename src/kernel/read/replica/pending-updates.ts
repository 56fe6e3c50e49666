import { allFormerRows, type FormerRows } from '../../notify/changed-rows.ts';
import type { ProjectionMoved } from '../../notify/hub.ts';

/** Maximum number of keys in a merged update. If there are more, its `keys` are null. */
const MAX_MERGED_KEYS = 1000;

/** The changes that have become visible; `keys` is null if it is unknown which rows changed. */
export type Shown = Pick<ProjectionMoved, 'keys' | 'former' | 'lagMs'>;

/** The events after `from` up to `to`, applied by the projector. */
interface PendingUpdate {
  readonly from: number;
  readonly to: number;
  readonly keys: ReadonlySet<string> | null;
  readonly former: FormerRows | undefined;
  /** When the oldest of the events was recorded, by this process's clock. */
  readonly since: number;
}

/**
 * Updates of one projection that a replica does not show yet. Their number is bounded, however far the replica lags:
 * neighbours are merged into one update, which is reported when its first event is visible, and again when all of it
 * is.
 */
export class PendingUpdates {
  readonly #limit: number;
  #updates: PendingUpdate[] = [];
  /** Number of updates, of the keys in them, and of what their rows were before. */
  #weight = 0;
  /** The projector's position. */
  #end: number | undefined;

  /** @param limit maximum number of updates and keys together. */
  constructor(limit = 20_000) {
    this.#limit = limit;
  }

  get isEmpty(): boolean {
    return this.#updates.length === 0;
  }

  /**
   * Adds an advance of the projector.
   * @param shown the replica's position; undefined if unknown.
   */
  add(moved: Omit<ProjectionMoved, 'projection'>, shown = 0): void {
    const { position: to, keys, former, lagMs } = moved;
    // The projection starts again: pending updates concern rows of its former table.
    if (this.#end !== undefined && to < this.#end) this.forget();
    const move = { from: this.#end ?? to, to, keys, former, since: performance.now() - lagMs };
    this.#end = to;
    if (to <= shown) return;
    const last = this.#updates.at(-1);
    // Rows have changed without an event.
    if (last && move.from === to) this.#replace([...this.#updates.slice(0, -1), { ...last, ...partsOf([last, move]) }]);
    else this.#push(move);
    if (this.#weight > this.#limit) this.#merge();
  }

  /** The updates that have become visible, now that the replica has moved from one position to a later one. */
  take(from: number, to: number): Shown {
    const seen = this.#updates.filter((move) => move.from < to && move.to > from);
    this.#replace(this.#updates.filter((move) => move.to > to));
    const [first] = seen;
    const isWhole = first !== undefined && first.from <= from && (seen.at(-1) as PendingUpdate).to >= to;
    const since = Math.min(...seen.map((move) => move.since));
    return {
      ...(isWhole ? partsOf(seen) : { keys: null }),
      lagMs: first ? Math.max(0, performance.now() - since) : 0,
    };
  }

  /** Drops everything. For the next visible changes, it is unknown which rows changed. */
  forget(): void {
    this.#replace([]);
    this.#end = undefined;
  }

  #push(move: PendingUpdate): void {
    this.#updates.push(move);
    this.#weight += 1 + (move.keys?.size ?? 0) + (move.former?.rows.length ?? 0);
  }

  #replace(moves: readonly PendingUpdate[]): void {
    this.#updates = [];
    this.#weight = 0;
    for (const move of moves) this.#push(move);
  }

  #merge(): void {
    const before = this.#updates;
    this.#replace([]);
    for (let at = 0; at < before.length; at += 2) {
      const [one, other] = before.slice(at, at + 2) as [PendingUpdate, PendingUpdate?];
      const { keys, former } = partsOf(other ? [one, other] : [one]);
      this.#push({
        ...one,
        to: (other ?? one).to,
        keys: keys && keys.size > MAX_MERGED_KEYS ? null : keys,
        former: former && former.rows.length > MAX_MERGED_KEYS ? undefined : former,
      });
    }
  }
}

/** The changed rows of several updates, and what they were before. */
function partsOf(updates: readonly Pick<PendingUpdate, 'keys' | 'former'>[]) {
  return {
    keys: unionOf(updates.map(({ keys }) => keys)),
    former: allFormerRows(updates.map(({ former }) => former)),
  };
}

function unionOf(all: readonly (ReadonlySet<string> | null)[]): ReadonlySet<string> | null {
  const union = new Set<string>();
  for (const keys of all) {
    if (keys === null) return null;
    for (const key of keys) union.add(key);
  }
  return union;
}
