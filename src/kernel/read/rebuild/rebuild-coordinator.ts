import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import type { Checkpoints } from '../../checkpoints/checkpoints.ts';
import type { Leases } from '../../checkpoints/leases.ts';
import type { Clock } from '../../clock/database-clock.ts';
import type { Projection } from '../../define/projection.ts';
import type { CommitFeed } from '../../log/commit-feed.ts';
import type { LogHead } from '../../log/log-head.ts';
import { beginRebuild, dropShadow, RebuildError } from './begin-rebuild.ts';
import { RebuildRun } from './rebuild-job.ts';
import { RebuildMeter, type RebuildStatus } from './rebuild-progress.ts';
import { leaseShadow, releaseShadow, type ShadowRow, shadowRows } from './shadow-checkpoint.ts';
import type { Aside } from './shadow-filler.ts';

export interface RebuildsParts {
  /** Answers at once, whatever batches wait for. */
  readonly db: Database;
  /** Opens connections for work on shadows; whoever asks closes them. */
  readonly openAside: () => Aside;
  readonly projections: readonly Projection[];
  readonly checkpoints: Checkpoints;
  readonly leases: Leases;
  /** This instance. */
  readonly owner: string;
  readonly feed: CommitFeed;
  readonly head: LogHead;
  readonly batchLimit: number;
  readonly clock: Clock;
  /** A read model has another table, generation and perhaps position now. */
  readonly onSwapped: () => void;
  readonly onError: (error: unknown, context: Readonly<Record<string, unknown>>) => void;
}

/** Between two looks, in ms. */
const LOOK_MS = 1000;
/** Between two attempts to begin a rebuild that was refused, in ms. */
const REFUSED_MS = 5000;

/**
 * This instance's share in rebuilds: begins one for each read model that a former version has filled, works on one at a time
 * of those that nobody works on, whoever began it, and follows them all.
 */
export class Rebuilds {
  readonly #parts: RebuildsParts;
  readonly #meter = new RebuildMeter();
  #current: { readonly run: RebuildRun; row: ShadowRow; readonly ended: Promise<void> } | undefined;
  #refusedUntil = 0;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #works = false;
  #stopped = false;

  constructor(parts: RebuildsParts) {
    this.#parts = parts;
  }

  /**
   * Begins to look after them.
   * @param works false where this instance only wants to know of them.
   */
  async start(works: boolean): Promise<void> {
    this.#works = works;
    await this.#hurry();
  }

  /** Gives up what it works on, for others to go on with. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
    await this.#current?.run.stop();
    await this.#current?.ended;
  }

  /** There are new events. */
  wake(): void {
    this.#current?.run.wake();
  }

  /**
   * Begins to rebuild a read model, or joins where that is under way. It goes on here, unless somebody else takes it.
   * @throws {RebuildError} REBUILD_REFUSED
   */
  async begin(projection: Projection): Promise<'begun' | 'joined'> {
    const outcome = await this.#aside(({ owner }) => beginRebuild(owner, projection));
    await this.#hurry();
    return outcome;
  }

  /** Null where a projection is not being rebuilt, as far as this instance knows. */
  status(projection: string): RebuildStatus | null {
    return this.#meter.of(projection, this.#parts.head.position);
  }

  #schedule(): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#hurry(), LOOK_MS);
  }

  /** Looks at once, after the look that is under way. */
  async #hurry(): Promise<void> {
    clearTimeout(this.#timer);
    const looking = (this.#looking ?? Promise.resolve())
      .then(() => this.#look())
      .catch((error) => this.#parts.onError(error, { part: 'rebuild' }));
    this.#looking = looking;
    await looking;
    if (this.#looking === looking) this.#schedule();
  }

  async #look(): Promise<void> {
    const { db, checkpoints, leases, owner } = this.#parts;
    let rows = await shadowRows(db);
    if (this.#works && !this.#stopped) {
      if (await this.#beginOutdated(rows)) rows = await shadowRows(db);
      if (rows.some((row) => row.owner !== null && row.owner !== owner))
        await leases.releaseDead(await checkpoints.all());
      await this.#dropAbandoned(rows);
      await this.#keep();
      if (!this.#current) await this.#take(rows);
    }
    this.#meter.seen(rows);
  }

  /** Read models that were filled by a former version of their fold are made again; until then they stay as they are. */
  async #beginOutdated(rows: readonly ShadowRow[]): Promise<boolean> {
    const { db, projections } = this.#parts;
    if (projections.length === 0) return false;
    const live = await db.execute<{ projection: string; version: number }>(
      sql`select projection, version from read.checkpoints where projection in ${projections.map(({ name }) => name)}`,
    );
    const outdated = projections.filter(({ name, version }) => {
      const filled = live.find(({ projection }) => projection === name);
      const begun = rows.find(({ projection, purpose }) => projection === name && purpose === 'rebuild');
      return filled && filled.version < version && (begun?.version ?? 0) < version;
    });
    if (outdated.length === 0 || performance.now() < this.#refusedUntil) return false;
    await this.#aside(async ({ owner }) => {
      for (const projection of outdated) await this.#begin(owner, projection);
    });
    return true;
  }

  async #begin(db: Database, projection: Projection): Promise<void> {
    const { checkpoints, onError } = this.#parts;
    try {
      await beginRebuild(db, projection);
    } catch (error) {
      this.#refusedUntil = performance.now() + REFUSED_MS;
      onError(error, { part: 'rebuild', projection: projection.name });
      if (error instanceof RebuildError) await checkpoints.setFailure(projection.name, error.message);
    }
  }

  /** Who verified was killed: nobody goes on with that. */
  async #dropAbandoned(rows: readonly ShadowRow[]): Promise<void> {
    const abandoned = rows.filter(({ purpose, owner }) => purpose === 'verify' && owner === null);
    for (const { projection: name } of abandoned) {
      const projection = this.#parts.projections.find((candidate) => candidate.name === name);
      if (projection) await this.#aside(({ owner }) => dropShadow(owner, projection, 'verify'));
    }
  }

  /** Renews the lease, or finds that it is lost. */
  async #keep(): Promise<void> {
    const current = this.#current;
    if (!current) return;
    const { db, owner } = this.#parts;
    const leased = await leaseShadow(db, owner, current.row);
    if (leased?.generation === current.row.generation || this.#current !== current) return;
    await current.run.stop();
  }

  async #take(rows: readonly ShadowRow[]): Promise<void> {
    const { db, projections, owner } = this.#parts;
    for (const row of rows) {
      const projection = projections.find(({ name, version }) => name === row.projection && version === row.version);
      if (!projection || row.purpose !== 'rebuild' || (row.owner !== null && row.owner !== owner)) continue;
      const leased = await leaseShadow(db, owner, row);
      if (!leased || this.#stopped) continue;
      this.#work(projection, leased);
      return;
    }
  }

  #work(projection: Projection, row: ShadowRow): void {
    const aside = this.#parts.openAside();
    const run = new RebuildRun({ ...this.#parts, aside, log: aside.log, projection, row });
    const ended = this.#runToEnd(run, aside, projection, row)
      .catch((error) => this.#parts.onError(error, { part: 'rebuild', projection: projection.name }))
      .finally(async () => {
        this.#current = undefined;
        await aside.close();
        // There may be another one to work on.
        if (!this.#stopped) void this.#hurry();
      });
    this.#current = { run, row, ended };
  }

  async #runToEnd(run: RebuildRun, aside: Aside, projection: Projection, row: ShadowRow): Promise<void> {
    const { owner, onSwapped } = this.#parts;
    // A migration may have changed the table since the shadow was made.
    if ((await beginRebuild(aside.owner, projection)) === 'begun') return;
    const outcome = await run.run();
    if (outcome === 'swapped') onSwapped();
    if (outcome === 'reshaped')
      await dropShadow(aside.owner, projection, 'rebuild').then(() => beginRebuild(aside.owner, projection));
    if (outcome === 'stopped') await releaseShadow(aside.projector, owner, row);
  }

  async #aside<T>(work: (aside: Aside) => Promise<T>): Promise<T> {
    const aside = this.#parts.openAside();
    try {
      return await work(aside);
    } finally {
      await aside.close();
    }
  }
}
