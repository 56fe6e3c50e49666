import type { Positions } from '../../../kernel/consistency/positions.ts';
import type { Projection } from '../../../kernel/define/read-model/projection.ts';
import type { Fingerprints } from '../../../kernel/notify/fingerprints.ts';
import type { ProjectionMoved } from '../../../kernel/notify/hub.ts';
import type { ReadModels } from '../../read/read-models.ts';
import { WatchedLists } from './watched-lists.ts';

/** Somebody who has read something of a read model. */
export interface Reader {
  /** Something that it has read may have changed. It must not throw. */
  concern(): void;
  /** Rows have changed while it reads pages. It must not throw. */
  changed(projection: string, keys: ReadonlySet<string>): void;
}

export interface WatchedModelOptions {
  readonly positions: Pick<Positions, 'retreats' | 'hasParked'>;
  readonly readModels: Pick<ReadModels, 'propertiesOf'>;
  /** Undefined if other processes tell nothing of former rows. */
  readonly fingerprints: Fingerprints | undefined;
  /** Undefined for a read model without rows of its own. */
  readonly projection: Projection | undefined;
  /** Called when the last reader has released it. */
  readonly onUnused: () => void;
}

/** The readers of one read model: of rows by their keys, of lists by the values that their rows have, and of everything. */
export class WatchedModel {
  readonly lists: WatchedLists;
  readonly #name: string;
  readonly #options: WatchedModelOptions;
  readonly #readers = new Set<Reader>();
  readonly #ofAll = new Set<Reader>();
  readonly #ofKeys = new Map<string, Set<Reader>>();
  /** Readers who are reading pages of lists now. */
  readonly #reading = new Set<Reader>();
  #retreats: number;
  #hasParked: boolean;

  constructor(name: string, options: WatchedModelOptions) {
    this.#name = name;
    this.#options = options;
    this.lists = new WatchedLists(options);
    this.#retreats = options.positions.retreats;
    this.#hasParked = options.positions.hasParked(name);
  }

  use(reader: Reader): void {
    this.#readers.add(reader);
  }

  release(reader: Reader): void {
    if (this.#readers.delete(reader) && this.#readers.size === 0) this.#options.onUnused();
  }

  addAll(reader: Reader): void {
    this.#ofAll.add(reader);
  }

  removeAll(reader: Reader): void {
    this.#ofAll.delete(reader);
  }

  beginReading(reader: Reader): void {
    this.#reading.add(reader);
  }

  endReading(reader: Reader): void {
    this.#reading.delete(reader);
  }

  addKey(key: string, reader: Reader): void {
    const others = this.#ofKeys.get(key);
    if (others) others.add(reader);
    else this.#ofKeys.set(key, new Set([reader]));
  }

  removeKey(key: string, reader: Reader): void {
    const others = this.#ofKeys.get(key);
    others?.delete(reader);
    if (others?.size === 0) this.#ofKeys.delete(key);
  }

  moved({ keys, rows, former }: ProjectionMoved): void {
    // After a retreat, rows have changed that no message names. A row, or its absence, may be stale from now on.
    const hasRetreated = this.#hasRetreated();
    const isUnknown = this.#parkedChanged() || hasRetreated || keys === null;
    if (isUnknown) {
      for (const reader of this.#readers) reader.concern();
      return;
    }
    if (keys.size === 0) return;
    for (const reader of this.#ofAll) reader.concern();
    for (const reader of this.#reading) reader.changed(this.#name, keys);
    if (keys.size <= this.#ofKeys.size) {
      for (const key of keys) for (const reader of this.#ofKeys.get(key) ?? []) reader.concern();
    } else {
      for (const [key, readers] of this.#ofKeys) if (keys.has(key)) for (const reader of readers) reader.concern();
    }
    this.lists.changed(keys, rows, former);
  }

  #hasRetreated(): boolean {
    const { retreats } = this.#options.positions;
    const has = retreats !== this.#retreats;
    this.#retreats = retreats;
    return has;
  }

  #parkedChanged(): boolean {
    const hasParked = this.#options.positions.hasParked(this.#name);
    const has = hasParked !== this.#hasParked;
    this.#hasParked = hasParked;
    return has;
  }
}
