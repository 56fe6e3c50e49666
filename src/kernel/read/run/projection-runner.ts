import { rootOf } from '../../../database/errors.ts';
import { isTransient } from '../../../database/transient.ts';
import { type CheckpointAdvance, FencedError } from '../../checkpoints/advance.ts';
import type { AfterFailure, StartingPoint } from '../../checkpoints/log-consumer.ts';
import { PassingConsumer } from '../../checkpoints/passing-consumer.ts';
import type { RecordedEvent, UnreadableEventError } from '../../define/event.ts';
import { handlerOf } from '../../define/read-model/projection.ts';
import { AheadOfCodeError, newerEventOf } from '../../log/newer-events.ts';
import { type ChangedRows, NO_CHANGED_ROWS } from '../../notify/changed-rows.ts';
import type { FoldedBatch } from '../../observe/occurrences.ts';
import { BatchParking } from '../dead-letters/batch-parking.ts';
import { loadParked } from '../dead-letters/dead-letter-store.ts';
import { isNothing, type ParkedStreams } from '../dead-letters/parked-streams.ts';
import { DEAD_LETTER_LIMIT, isPoison, refusal, TooManyDeadLettersError } from '../dead-letters/poison.ts';
import { PoisonFinder } from '../dead-letters/poison-finder.ts';
import { writeParkedBatch } from '../dead-letters/write-parked-batch.ts';
import { foldBatch } from '../fold/fold-batch.ts';
import { FoldWindow } from '../fold/fold-window.ts';
import type { EventBatch } from '../fold/prefetched-batch.ts';
import { WindowMemory } from '../fold/window-memory.ts';
import { NO_WRITES } from '../fold/working-rows.ts';
import { isEmpty } from '../tables/tables.ts';
import { BatchPipeline } from './batch-pipeline.ts';
import type { FillTurn } from './fill-turns.ts';
import { eventOf, inSpanOf, Unstored } from './observed-batch.ts';
import type { ProjectionRunnerParts } from './runner-parts.ts';
import { StoredFailure } from './stored-failure.ts';

/**
 * Keeps the table of one projection up to date: each batch writes its rows and advances the checkpoint in one
 * transaction.
 */
export class ProjectionRunner extends PassingConsumer<EventBatch> {
  readonly #parts: ProjectionRunnerParts & { readonly windowMemory: WindowMemory };
  readonly #poison: PoisonFinder;
  readonly #pipeline: BatchPipeline;
  readonly #failure: StoredFailure;
  #isAhead = false;
  #turn: FillTurn | undefined;
  /** The streams and rows that its batches must leave out; undefined until they are loaded. */
  #parked: ParkedStreams | undefined;
  #window: FoldWindow | undefined;
  /** Everything up to here is in the table or in the window. */
  #foldedTo = 0;
  #unstored: Unstored | undefined;
  /** The table was empty when it started, and nothing has been written to it since. */
  #isTableNew = false;

  constructor(parts: ProjectionRunnerParts) {
    super(parts.projection.checkpoint.key, parts.head, parts.idleMoves);
    this.#parts = { ...parts, windowMemory: parts.windowMemory ?? new WindowMemory() };
    this.#poison = new PoisonFinder(parts.projection.name);
    this.#failure = new StoredFailure(parts, this);
    this.#pipeline = new BatchPipeline(parts, this.#poison);
  }

  /** Why it cannot continue; null while it advances. */
  get failure(): string | null {
    return this.#failure.current;
  }

  /** The next event is one that only newer code can read, as far as this instance has seen. */
  override get isAhead(): boolean {
    return this.#isAhead;
  }

  /** When the oldest event that it has not applied was recorded; undefined if unknown here. */
  get oldestWaiting(): Date | undefined {
    if (this.#unstored) return this.#unstored.recordedAt;
    return (this.inProgress?.first ?? this.#parts.feed.after(this.doneTo, 1)[0])?.recordedAt;
  }

  protected override starting(at: StartingPoint): void {
    super.starting(at);
    this.#failure.found(at.failure);
    this.#parked = undefined;
    this.#forget(at.position);
    // Other instances may have changed any row in the meantime.
    this.#tellMoved(at.position, null, 0);
  }

  protected override async prepare(): Promise<void> {
    const { table, projection, discardedOf } = this.#parts;
    this.#parked = await loadParked(table.db, projection, this.position, discardedOf);
    this.#isTableNew = this.position === 0 && (await isEmpty(table.db, projection.table));
  }

  protected override async read(after: number): Promise<EventBatch> {
    this.#turn ??= await this.#parts.fillTurns?.()?.take(this.name);
    return this.#pipeline.read(after, (first) => this.describe({ first }));
  }

  protected override get hasRoom(): boolean {
    return this.#window?.hasRoom ?? true;
  }

  protected override passes({ events }: EventBatch): boolean {
    if (this.#window || this.#parkingOf(events) || this.#pipeline.isCareful(this.position)) return false;
    return !events.some(({ type }) => handlerOf(this.#parts.projection, type));
  }

  protected override passed({ events }: EventBatch): void {
    this.#unstored = new Unstored(events[0] as RecordedEvent);
    const { position } = events.at(-1) as RecordedEvent;
    this.#done({ position, events: events.length, rows: 0 }, NO_WRITES.keys, NO_CHANGED_ROWS);
  }

  protected override async work(batch: EventBatch): Promise<void> {
    const { projection, clock } = this.#parts;
    await inSpanOf(projection.name, batch.events, clock, () => this.#apply(batch));
  }

  protected override async moveTo(to: number): Promise<void> {
    await this.#parts.table.write(NO_WRITES, this.#advance(to));
  }

  protected override async succeeded(): Promise<void> {
    await this.#endTurn();
    if (this.#isAhead) {
      this.#isAhead = false;
      this.#parts.onAhead?.(false);
    }
    // If this fails, the next attempt does it: other instances would see a failure that is over.
    await this.#failure.set(null);
  }

  protected override async failed(error: unknown): Promise<AfterFailure> {
    await this.rewind();
    const { events = [] } = this.inProgress ?? {};
    const isFolded = (events.at(-1)?.position ?? 0) <= this.#foldedTo;
    // Events are counted, not positions: if the log has a hole, there are fewer.
    const size = this.#foldedTo - this.position + (isFolded ? 0 : events.length);
    this.#forget(this.position);
    await this.#endTurn();
    // Another instance owns it now. It starts again when this instance owns it again.
    if (error instanceof FencedError) return this.#fenced();
    const newer = newerEventOf(error);
    if (newer) return this.#metNewer(newer);
    if (this.#poison.narrow(error, { after: this.position, size })) return 'again';
    this.report(error);
    if (isTransient(error)) {
      this.describe({ trouble: rootOf(error).message });
      return 'later';
    }
    const isWorded = isPoison(error) || error instanceof TooManyDeadLettersError;
    return this.#standStill(isWorded ? error.message : refusal(this.#parts.projection.name, this.position + 1, error));
  }

  protected override report(error: unknown, events = this.inProgress?.events): void {
    const { observer, projection } = this.#parts;
    const context = { projection: projection.name, position: this.position, ...eventOf(error, events) };
    observer.tell('faultMet', { error, context });
  }

  protected override async ended(): Promise<void> {
    await super.ended();
    // A window is not written any more: that can take longer than the lease, and the next owner begins at the checkpoint.
    this.#forget(this.position);
    await this.#endTurn();
  }

  /** Drops everything that is not stored. */
  #forget(position: number): void {
    this.#pipeline.forget();
    this.#dropWindow();
    this.#unstored = undefined;
    this.#foldedTo = position;
  }

  async #endTurn(): Promise<void> {
    const turn = this.#turn;
    this.#turn = undefined;
    await turn?.end(this.#parts.head.position - this.#foldedTo);
  }

  /** Applies what is before the event, and then waits for an instance with newer code. */
  async #metNewer(newer: UnreadableEventError): Promise<AfterFailure> {
    if (newer.position !== undefined && newer.position > this.position + 1) {
      this.#pipeline.endBefore(newer.position);
      return 'again';
    }
    this.#isAhead = true;
    const reaction = await this.#standStill(new AheadOfCodeError(newer).message);
    if (reaction !== 'end') this.#parts.onAhead?.(true);
    return reaction;
  }

  async #standStill(failure: string): Promise<AfterFailure> {
    try {
      await this.#failure.set(failure);
    } catch (error) {
      if (error instanceof FencedError) return this.#fenced();
      // The next attempt stores it. The cause may be the same as that of the failure, which has been reported.
    }
    return 'later';
  }

  #fenced(): AfterFailure {
    this.#parts.onFenced?.();
    return 'end';
  }

  /** @returns the number of rows that were written; 0 if they are still in the window. */
  async #apply(batch: EventBatch): Promise<number> {
    const { projection, table, costs } = this.#parts;
    const { events } = batch;
    this.#unstored ??= new Unstored(events[0] as RecordedEvent);
    const to = (events.at(-1) as RecordedEvent).position;
    const parking = this.#parkingOf(events);
    if (!parking && (await this.#foldOn(batch, to))) {
      return this.#window?.isDue(this.#turn?.isBusy ?? false) ? this.#writeWindow() : 0;
    }
    const earlier = await this.#writeWindow();
    this.#unstored ??= new Unstored(events[0] as RecordedEvent);
    // This batch is written by itself: rows in the window would not be the newest any more.
    this.#dropWindow();
    this.#isTableNew = false;
    const { plan, present } = await this.#pipeline.plan(batch, parking);
    const writes = foldBatch(projection, plan, present, parking);
    const advance = this.#advance(to);
    if (!parking) this.#pipeline.writing(to, writes);
    const began = performance.now();
    if (parking?.isNeeded) await writeParkedBatch(table.db, projection, writes, advance, parking);
    else await table.write(writes, advance);
    costs?.add(projection.name, { events, steps: plan.steps, writes }, performance.now() - began);
    this.#pipeline.written(parking ? undefined : writes);
    for (const { error, event } of this.#poison.of(events)) this.report(error, [event]);
    if (parking) this.#parked = parking.after(to);
    const keys = parking?.isNeeded ? new Set([...writes.keys, ...parking.stale.map(({ text }) => text)]) : writes.keys;
    this.#stored(to, writes.keys.size, keys, { before: writes.before, after: writes.upserts });
    return earlier + writes.keys.size;
  }

  /** Folds a batch into the window. @returns false if it is no replay, or the batch needs the table. */
  async #foldOn(batch: EventBatch, to: number): Promise<boolean> {
    const { projection, windowMemory } = this.#parts;
    if (!this.#pipeline.isReplay(to, this.position)) return false;
    this.#window ??= new FoldWindow(projection, windowMemory, this.#isTableNew, () => this.wake());
    if (!(await this.#pipeline.fold(batch, this.#window))) return false;
    this.#foldedTo = to;
    return true;
  }

  /**
   * Writes the rows of the window, if it has any that are not written.
   * @returns the number of rows.
   */
  async #writeWindow(): Promise<number> {
    const window = this.#window;
    if (!window?.isOpen) return 0;
    const to = this.#foldedTo;
    const rows = await this.#parts.table.writeParts(window.parts(), this.#advance(to));
    window.written();
    // Rows that were remembered from batches before the window are older than these.
    this.#pipeline.written(undefined);
    // The window still knows all rows, another one would not.
    this.#isTableNew = false;
    // There are too many keys to name them.
    this.#stored(to, rows, null);
    return rows;
  }

  /** Everything up to a position is in the table. */
  #stored(position: number, rows: number, keys: ReadonlySet<string> | null, changed?: ChangedRows): void {
    const events = position - this.doneTo;
    this.advancedTo(position);
    this.#done({ position, events, rows }, keys, changed);
  }

  /** Everything up to a position is done. */
  #done(done: Pick<FoldedBatch, 'position' | 'events' | 'rows'>, keys: ReadonlySet<string> | null, rows?: ChangedRows) {
    const { position } = done;
    const lagMs = this.#unstored?.stored({ projection: this.#parts.projection.name, ...done }, this.#parts) ?? 0;
    this.#unstored = undefined;
    this.#poison.forget(position);
    this.#foldedTo = position;
    this.#tellMoved(position, keys, lagMs, rows);
  }

  #advance(to: number): CheckpointAdvance {
    return { from: this.position, to, owner: this.#parts.owner, generation: this.generation };
  }

  #dropWindow(): void {
    this.#window?.drop();
    this.#window = undefined;
  }

  /** The parking plan for this batch; `undefined` (the normal case) if nothing is parked and no event is known to be poison. */
  #parkingOf(events: readonly RecordedEvent[]): BatchParking | undefined {
    const parked = this.#parked;
    if (!parked || (isNothing(parked) && this.#poison.of(events).length === 0)) return undefined;
    return new BatchParking(parked, this.#poison.poison, this.#parts.deadLetterLimit ?? DEAD_LETTER_LIMIT);
  }

  #tellMoved(position: number, keys: ReadonlySet<string> | null, lagMs: number, rows?: ChangedRows): void {
    const hasParked = this.#parked && this.#parked.since.size > 0;
    this.#parts.onMoved({ projection: this.#parts.projection.name, position, keys, rows, lagMs, hasParked });
  }
}
