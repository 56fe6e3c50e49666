import type { Projection } from '../../../kernel/define/read-model/projection.ts';
import type { RowValues } from '../../../kernel/read/fold/working-rows.ts';
import { valuesOfList } from '../../read/equalities.ts';
import { readModelsIn } from '../../read/read-models-in.ts';
import type { ReadRecorder, RecordedList } from '../../read/read-recorder.ts';
import type { ListValues } from './watched-lists.ts';
import type { Reader, WatchedModel } from './watched-model.ts';

/** Most rows of one read model that are watched by their keys for one execution. If there are more, all rows are. */
const MAX_KEYS = 10_000;

/** Most changed rows that are remembered while pages are being read. If there are more, they concern them. */
const MAX_CHANGED = 1000;

/** What is watched of one read model. */
interface Watch {
  readonly model: WatchedModel;
  readonly keys: Set<string>;
  readonly pages: ListValues[];
  readonly counts: ListValues[];
  /** Every row is watched. */
  ofAll: boolean;
  /** Pages that are being read. */
  reading: number;
  /** Rows that have changed meanwhile. */
  readonly changed: Set<string>;
}

/** What one execution has read, each part watched since before it was read. */
export class RecordedReads implements ReadRecorder, Reader {
  readonly #touched: readonly string[];
  readonly #onConcerned: () => void;
  readonly #modelOf: (projection: string) => WatchedModel;
  readonly #watches = new Map<string, Watch>();
  readonly #rights = new Set<string>();
  #isClosed = false;

  constructor(touched: readonly string[], onConcerned: () => void, modelOf: (projection: string) => WatchedModel) {
    this.#touched = touched;
    this.#onConcerned = onConcerned;
    this.#modelOf = modelOf;
  }

  /** The read models whose rules for the caller were looked up. */
  get rightsTo(): ReadonlySet<string> {
    return this.#rights;
  }

  /** True while it is being found out whether the newest changes concern something recorded. */
  get isUncertain(): boolean {
    for (const { model, pages, counts } of this.#watches.values()) {
      if (pages.length + counts.length > 0 && model.lists.isUncertain) return true;
    }
    return false;
  }

  row(projection: string, key: string): void {
    const watch = this.#watch(projection);
    if (!watch || watch.ofAll || watch.keys.has(key)) return;
    if (watch.keys.size >= MAX_KEYS) {
      this.rows(projection);
      return;
    }
    watch.keys.add(key);
    watch.model.addKey(key, this);
  }

  rows(projection: string): void {
    const watch = this.#watch(projection);
    if (!watch || watch.ofAll) return;
    watch.ofAll = true;
    watch.model.addAll(this);
    this.#forgetParts(watch);
  }

  page(projection: Projection, { visibility, conditions }: RecordedList): (rows: Iterable<RowValues>) => void {
    const { name, key } = projection;
    this.#readBy(conditions, name);
    const values = valuesOfList(projection, visibility, conditions);
    const [only, ...more] = key;
    const watch = this.#watch(name);
    // Rows with a key of several columns are not looked up.
    if (!values || !only || more.length > 0 || !watch || watch.ofAll) {
      this.rows(name);
      return () => {};
    }
    // From now on, rows that come into the list concern it. Which rows leave it is known only when they have been read.
    watch.pages.push(values);
    watch.model.lists.addPage(values, this);
    if (watch.reading++ === 0) watch.model.beginReading(this);
    return (rows) => {
      for (const row of rows) {
        const text = String(row[only.property]);
        if (watch.changed.has(text)) this.concern();
        this.row(name, text);
      }
      if (--watch.reading > 0) return;
      watch.changed.clear();
      watch.model.endReading(this);
    };
  }

  count(projection: Projection, { visibility, conditions }: RecordedList): void {
    const { name } = projection;
    this.#readBy(conditions, name);
    const values = valuesOfList(projection, visibility, conditions);
    const watch = this.#watch(name);
    if (!values || !watch || watch.ofAll) {
      this.rows(name);
      return;
    }
    watch.counts.push(values);
    watch.model.lists.addCount(values, this);
  }

  changed(projection: string, keys: ReadonlySet<string>): void {
    const watch = this.#watches.get(projection);
    if (!watch || watch.ofAll) return;
    if (watch.changed.size + keys.size > MAX_CHANGED) this.concern();
    else for (const key of keys) watch.changed.add(key);
  }

  statement(): void {
    for (const projection of this.#touched) this.rows(projection);
  }

  rights(projection: string): void {
    this.#rights.add(projection);
  }

  /** Something that was read may have changed. */
  concern(): void {
    if (!this.#isClosed) this.#onConcerned();
  }

  /** Watches nothing any more. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const watch of this.#watches.values()) {
      watch.model.removeAll(this);
      watch.model.endReading(this);
      this.#forgetParts(watch);
      watch.model.release(this);
    }
    this.#watches.clear();
  }

  /** Undefined once it is closed. */
  #watch(projection: string): Watch | undefined {
    const known = this.#watches.get(projection);
    if (known || this.#isClosed) return known;
    const model = this.#modelOf(projection);
    model.use(this);
    const watch: Watch = {
      model,
      keys: new Set(),
      pages: [],
      counts: [],
      ofAll: false,
      reading: 0,
      changed: new Set(),
    };
    this.#watches.set(projection, watch);
    return watch;
  }

  #forgetParts({ model, keys, pages, counts }: Watch): void {
    for (const key of keys) model.removeKey(key, this);
    for (const values of pages) model.lists.removePage(values, this);
    for (const values of counts) model.lists.removeCount(values, this);
    keys.clear();
    pages.length = 0;
    counts.length = 0;
  }

  /** Conditions of a list may look at other read models too. */
  #readBy(conditions: RecordedList['conditions'], own: string): void {
    const named = readModelsIn(conditions);
    if (!named) this.statement();
    for (const name of named ?? []) if (name !== own) this.rows(name);
  }
}
