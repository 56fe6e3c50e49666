import type { Positions } from '../../kernel/consistency/positions.ts';
import type { Hub, ProjectionMoved } from '../../kernel/notify/hub.ts';
import type { ReadRecorder } from '../read/read-recorder.ts';

/** Most rows of one read model that are watched by their keys for one execution. If there are more, all rows are. */
const MAX_KEYS = 10_000;

/** Finds out which live queries a change of a read model concerns, at a cost that depends on these alone. */
export class ChangeRouter {
  readonly #hub: Hub;
  readonly #positions: Pick<Positions, 'retreats' | 'hasParked'>;
  readonly #watched = new Map<string, WatchedModel>();

  constructor({
    hub,
    positions,
  }: { readonly hub: Hub; readonly positions: Pick<Positions, 'retreats' | 'hasParked'> }) {
    this.#hub = hub;
    this.#positions = positions;
  }

  /**
   * Watches what is recorded from now on, until it is closed.
   * @param touched the read models that a statement of the operation's own may read.
   * @param onConcerned called in the projector's turn with each change that concerns something recorded. It must not throw.
   */
  record(touched: readonly string[], onConcerned: () => void): RecordedReads {
    return new RecordedReads(touched, onConcerned, (projection) => this.#watchedModel(projection));
  }

  #watchedModel(projection: string): WatchedModel {
    const known = this.#watched.get(projection);
    if (known) return known;
    const watched = new WatchedModel(projection, this.#positions, () => {
      stop();
      this.#watched.delete(projection);
    });
    const stop = this.#hub.listen([projection], (moved) => watched.moved(moved));
    this.#watched.set(projection, watched);
    return watched;
  }
}

/** Who watches one read model. */
class WatchedModel {
  readonly #projection: string;
  readonly #positions: Pick<Positions, 'retreats' | 'hasParked'>;
  readonly #onUnused: () => void;
  readonly #ofAll = new Set<RecordedReads>();
  readonly #ofKeys = new Map<string, Set<RecordedReads>>();
  #retreats: number;
  #hasParked: boolean;

  constructor(projection: string, positions: Pick<Positions, 'retreats' | 'hasParked'>, onUnused: () => void) {
    this.#projection = projection;
    this.#positions = positions;
    this.#onUnused = onUnused;
    this.#retreats = positions.retreats;
    this.#hasParked = positions.hasParked(projection);
  }

  addAll(reads: RecordedReads): void {
    this.#ofAll.add(reads);
  }

  addKey(key: string, reads: RecordedReads): void {
    const others = this.#ofKeys.get(key);
    if (others) others.add(reads);
    else this.#ofKeys.set(key, new Set([reads]));
  }

  remove(reads: RecordedReads, keys: Iterable<string>): void {
    this.#ofAll.delete(reads);
    this.removeKeys(reads, keys);
    if (this.#ofAll.size === 0 && this.#ofKeys.size === 0) this.#onUnused();
  }

  removeKeys(reads: RecordedReads, keys: Iterable<string>): void {
    for (const key of keys) {
      const others = this.#ofKeys.get(key);
      others?.delete(reads);
      if (others?.size === 0) this.#ofKeys.delete(key);
    }
  }

  moved({ keys }: ProjectionMoved): void {
    // After a retreat, rows have changed that no message names. A row, or its absence, may be stale from now on.
    const hasRetreated = this.#hasRetreated();
    const isUnknown = this.#parkedChanged() || hasRetreated || keys === null;
    if (!isUnknown && keys.size === 0) return;
    for (const reads of this.#ofAll) reads.concern();
    if (isUnknown) {
      for (const watching of this.#ofKeys.values()) for (const reads of watching) reads.concern();
    } else if (keys.size <= this.#ofKeys.size) {
      for (const key of keys) for (const reads of this.#ofKeys.get(key) ?? []) reads.concern();
    } else {
      for (const [key, watching] of this.#ofKeys) if (keys.has(key)) for (const reads of watching) reads.concern();
    }
  }

  #hasRetreated(): boolean {
    const { retreats } = this.#positions;
    const has = retreats !== this.#retreats;
    this.#retreats = retreats;
    return has;
  }

  #parkedChanged(): boolean {
    const hasParked = this.#positions.hasParked(this.#projection);
    const has = hasParked !== this.#hasParked;
    this.#hasParked = hasParked;
    return has;
  }
}

/** What one execution has read, each part watched since before it was read. */
export class RecordedReads implements ReadRecorder {
  readonly #touched: readonly string[];
  readonly #watchedModel: (projection: string) => WatchedModel;
  readonly #onConcerned: () => void;
  /** Keys of the watched rows by read model; null for all rows. */
  readonly #keys = new Map<string, Set<string> | null>();
  readonly #rights = new Set<string>();
  #isClosed = false;

  constructor(touched: readonly string[], onConcerned: () => void, watchedModel: (projection: string) => WatchedModel) {
    this.#touched = touched;
    this.#onConcerned = onConcerned;
    this.#watchedModel = watchedModel;
  }

  /** The read models whose rules for the caller were looked up. */
  get rightsTo(): ReadonlySet<string> {
    return this.#rights;
  }

  row(projection: string, key: string): void {
    if (this.#isClosed) return;
    const known = this.#keys.get(projection);
    if (known === null || known?.has(key)) return;
    if (known && known.size >= MAX_KEYS) {
      this.rows(projection);
      return;
    }
    if (known) known.add(key);
    else this.#keys.set(projection, new Set([key]));
    this.#watchedModel(projection).addKey(key, this);
  }

  rows(projection: string): void {
    if (this.#isClosed || this.#keys.get(projection) === null) return;
    const watched = this.#watchedModel(projection);
    const keys = this.#keys.get(projection) ?? [];
    this.#keys.set(projection, null);
    watched.addAll(this);
    watched.removeKeys(this, keys);
  }

  statement(): void {
    for (const projection of this.#touched) this.rows(projection);
  }

  rights(projection: string): void {
    this.#rights.add(projection);
  }

  /** Something that was read may have changed. */
  concern(): void {
    this.#onConcerned();
  }

  /** Watches nothing any more. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const [projection, keys] of this.#keys) this.#watchedModel(projection).remove(this, keys ?? []);
    this.#keys.clear();
  }
}
