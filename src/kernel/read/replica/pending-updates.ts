import type { ProjectionMoved } from '../../notify/hub.ts';

/** Most keys of a merged update; if there were more it has null. */
const MAX_MERGED_KEYS = 1000;

/** What has become visible; `keys` is null if it is not known which rows. */
export type Shown = Pick<ProjectionMoved, 'keys' | 'lagMs'>;

/** The events after `from` up to `to`, applied by the projector. */
interface PendingUpdate {
  readonly from: number;
  readonly to: number;
  readonly keys: ReadonlySet<string> | null;
  /** When the oldest of the events was recorded, by this process' clock. */
  readonly since: number;
}

/**
 * Updates of one projection that a replica does not show yet. However far the replica lags, their number is bounded: neighbours
 * become one update, which is reported when its first event can be seen and again when all of it can.
 */
export class PendingUpdates {
  readonly #limit: number;
  #updates: PendingUpdate[] = [];
  /** Moves and the keys in them. */
  #weight = 0;
  /** How far the projector is. */
  #end: number | undefined;

  /** @param limit of moves and keys together. */
  constructor(limit = 20_000) {
    this.#limit = limit;
  }

  get isEmpty(): boolean {
    return this.#updates.length === 0;
  }

  /**
   * The projector has moved.
   * @param shown how far the replica is; undefined if that is not known.
   */
  add({ position: to, keys, lagMs }: Pick<ProjectionMoved, 'position' | 'keys' | 'lagMs'>, shown = 0): void {
    // The projection begins again: what is pending concerns rows of its former table.
    if (this.#end !== undefined && to < this.#end) this.forget();
    const move = { from: this.#end ?? to, to, keys, since: performance.now() - lagMs };
    this.#end = to;
    if (to <= shown) return;
    const last = this.#updates.at(-1);
    // Rows have changed, and no event was applied.
    if (last && move.from === to)
      this.#replace([...this.#updates.slice(0, -1), { ...last, keys: unionOf([last.keys, keys]) }]);
    else this.#push(move);
    if (this.#weight > this.#limit) this.#merge();
  }

  /** What the replica shows now that it has come from one position to a later one. */
  take(from: number, to: number): Shown {
    const seen = this.#updates.filter((move) => move.from < to && move.to > from);
    this.#replace(this.#updates.filter((move) => move.to > to));
    const [first] = seen;
    const isWhole = first !== undefined && first.from <= from && (seen.at(-1) as PendingUpdate).to >= to;
    const since = Math.min(...seen.map((move) => move.since));
    return {
      keys: isWhole ? unionOf(seen.map(({ keys }) => keys)) : null,
      lagMs: first ? Math.max(0, performance.now() - since) : 0,
    };
  }

  /** For what is shown next it is not known which rows changed. */
  forget(): void {
    this.#replace([]);
    this.#end = undefined;
  }

  #push(move: PendingUpdate): void {
    this.#updates.push(move);
    this.#weight += 1 + (move.keys?.size ?? 0);
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
      const keys = other ? unionOf([one.keys, other.keys]) : one.keys;
      this.#push({ ...one, to: (other ?? one).to, keys: keys && keys.size > MAX_MERGED_KEYS ? null : keys });
    }
  }
}

function unionOf(all: readonly (ReadonlySet<string> | null)[]): ReadonlySet<string> | null {
  const union = new Set<string>();
  for (const keys of all) {
    if (keys === null) return null;
    for (const key of keys) union.add(key);
  }
  return union;
}
