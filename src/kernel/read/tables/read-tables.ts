import type { Database } from '../../../database/client.ts';
import { every, type Timer } from '../../../scheduling/timers.ts';
import type { EngineObserver } from '../../observe/occurrences.ts';
import { buildIndexes } from './build-indexes.ts';
import { dropIndexes } from './drop-indexes.ts';
import { type EnsuredTables, type EnsureTablesParts, ensureTables } from './ensure-tables.ts';
import { noteUse, pruneVersions } from './prune.ts';

export interface ReadTablesParts extends EnsureTablesParts {
  /** A connection that no long statement occupies. */
  readonly leases: Database;
  /** How long the tables of a version stay after the last process that used it, in ms; 0 keeps them. */
  readonly keepMs: number;
  /** Time between two checks for what is no longer used, in ms; a minute unless given. */
  readonly checkEveryMs?: number;
  readonly observer: EngineObserver;
}

/** Interval of checks for versions and indexes that are no longer used, in ms. */
const CHECK_EVERY_MS = 60_000;

/**
 * The tables of an engine's read models. Creates missing tables and indexes, and drops versions and indexes that no
 * live process uses any more.
 */
export class ReadTables {
  readonly #parts: ReadTablesParts;
  readonly #stopping = new AbortController();
  #timer: Timer | undefined;
  #missing: EnsuredTables['missing'] = [];
  /** The work in progress on indexes and unused versions. Only one piece runs at a time. */
  #working: Promise<void> = Promise.resolve();
  /** A check waits behind work that may take hours. It will see what the next ones would. */
  #isCheckWaiting = false;
  #isNoting = false;

  constructor(parts: ReadTablesParts) {
    this.#parts = parts;
  }

  /**
   * Resolves when every read model has its table. Missing indexes of tables with rows are created afterwards, while the
   * read models are in use.
   * @throws {ReadTableError} READ_TABLE_UNSUPPORTED, READ_TABLE_CHANGED, READ_TABLES_IN_USE
   */
  async ensure(): Promise<void> {
    const { missing } = await ensureTables(this.#parts);
    this.#missing = missing;
  }

  /**
   * Starts creating missing indexes and checking for unused versions. Call it after this process has announced which ones it uses, and
   * has done at its start what needs the owner's connection: an index of a large table may take hours.
   */
  start(): void {
    this.#work(() => this.#build());
    this.#timer = every(this.#parts.checkEveryMs ?? CHECK_EVERY_MS, () => {
      void this.#noteUse();
      if (this.#isCheckWaiting) return;
      this.#isCheckWaiting = true;
      this.#work(() => {
        this.#isCheckWaiting = false;
        return this.#check();
      });
    });
  }

  /** Starts no more work. Work in progress ends with its connection. */
  stop(): void {
    this.#timer?.cancel();
    this.#stopping.abort();
  }

  /** Creates missing indexes; those that another instance was creating, or that failed, are looked for again the next time. */
  async #build(): Promise<void> {
    if (this.#missing.length === 0) return;
    await buildIndexes({ db: this.#parts.db, wanted: this.#missing, signal: this.#stopping.signal });
    await this.ensure();
  }

  async #check(): Promise<void> {
    await this.#build();
    const { db, leases, projections, keepMs } = this.#parts;
    if (keepMs > 0) {
      const own = new Set(projections.map(({ checkpoint }) => checkpoint.key));
      await pruneVersions({ db, reader: leases, own, keepMs });
    }
    await dropIndexes(db, projections, leases);
  }

  /** It waits for no other work: what nobody has noted for long would look unused as soon as its processes stop. */
  async #noteUse(): Promise<void> {
    if (this.#isNoting) return;
    this.#isNoting = true;
    try {
      await noteUse(this.#parts.leases);
    } catch (error) {
      if (!this.#stopping.signal.aborted)
        this.#parts.observer.tell('faultMet', { error, context: { part: 'read tables' } });
    } finally {
      this.#isNoting = false;
    }
  }

  #work(work: () => Promise<void>): void {
    const { signal } = this.#stopping;
    this.#working = this.#working
      .then(() => (signal.aborted ? undefined : work()))
      .catch((error) => {
        if (!signal.aborted) this.#parts.observer.tell('faultMet', { error, context: { part: 'read tables' } });
      });
  }
}
