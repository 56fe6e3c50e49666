import { setTimeout as delay } from 'node:timers/promises';
import { rootOf } from '../../../database/errors.ts';
import { isTransient } from '../../../database/transient.ts';
import { FencedError } from '../../checkpoints/advance.ts';
import type { Checkpoint, Checkpoints } from '../../checkpoints/checkpoints.ts';
import type { Clock } from '../../clock/database-clock.ts';
import type { RecordedEvent } from '../../define/event.ts';
import type { ProjectionMoved } from '../../notify/hub.ts';
import type { Observer } from '../../observe/observer.ts';
import { Parking } from '../dead-letters/batch-parking.ts';
import { loadParked } from '../dead-letters/dead-letter-store.ts';
import { isNothing, type Parked } from '../dead-letters/parked-streams.ts';
import { DEAD_LETTER_LIMIT, isPoison, refusal, TooManyDeadLettersError } from '../dead-letters/poison.ts';
import { Culprits } from '../dead-letters/poison-finder.ts';
import { parkBatch } from '../dead-letters/write-parked-batch.ts';
import { foldBatch, planBatch } from '../fold/fold-batch.ts';
import type { Batch } from '../fold/prefetched-batch.ts';
import { RecentRows } from '../fold/recent-rows.ts';
import { BatchSource, type BatchSourceParts } from './batch-source.ts';
import { culpritOf, watchedBatch } from './observed-batch.ts';

export interface RunnerParts extends BatchSourceParts {
  /** Told when it begins, and of every batch after its commit. */
  readonly onMoved: (moved: ProjectionMoved) => void;
  readonly checkpoints: Checkpoints;
  /** This instance. */
  readonly owner: string;
  /** Streams of which events may be in dead letters at one time. */
  readonly deadLetterLimit?: number | undefined;
  /** Told when somebody else has moved the checkpoint or taken it over: it has stopped. */
  readonly onFenced?: () => void;
  readonly observer: Observer;
  readonly clock: Clock;
  readonly onError: (error: unknown, context: { readonly projection: string; readonly position: number }) => void;
}

/** What a projection tries to apply. */
export interface UnderWay {
  /** When it was tried for the first time, by `performance.now()`. */
  readonly since: number;
  /** Where the projection is: the batch begins right after. */
  readonly after: number;
  /** Its first event; undefined until it is read. */
  readonly first: Pick<RecordedEvent, 'position' | 'type' | 'streamType' | 'streamId'> | undefined;
  /** Why the last attempt failed, where it is made again. */
  readonly trouble: string | undefined;
}

/** Moves one projection along the log, on its own checkpoint and at its own pace. */
export class ProjectionRunner {
  readonly #parts: RunnerParts;
  readonly #source: BatchSource;
  #position = 0;
  #generation = 0;
  #running: Promise<void> | undefined;
  #stopping: AbortController | undefined;
  #wake: (() => void) | undefined;
  #failure: string | null = null;
  readonly #culprits: Culprits;
  readonly #recent = new RecentRows();
  /** What its batches have to leave out; undefined until it is known. */
  #parked: Parked | undefined;
  /** The batch under way, or the one that failed. */
  #batch:
    | {
        readonly events: readonly RecordedEvent[];
        readonly size: number;
        readonly to: number;
        readonly recordedAt: Date;
      }
    | undefined;
  #underWay: UnderWay | undefined;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
    this.#culprits = new Culprits(parts.projection.name);
    this.#source = new BatchSource(parts, this.#culprits);
  }

  get name(): string {
    return this.#parts.projection.name;
  }

  /** Every event up to here is in the table, as far as this instance knows. */
  get position(): number {
    return this.#position;
  }

  /** The checkpoint's generation when it began. */
  get generation(): number {
    return this.#generation;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Why it stands still; null while it moves. */
  get failure(): string | null {
    return this.#failure;
  }

  /** When the oldest event that it has not applied was recorded; undefined where that is not known here. */
  get oldestWaiting(): Date | undefined {
    return this.#batch?.recordedAt ?? this.#parts.feed.after(this.#position, 1)[0]?.recordedAt;
  }

  /** The batch that it tries to apply at this moment, however often; undefined where there is none. */
  get underWay(): UnderWay | undefined {
    return this.#underWay;
  }

  /** Begins at a checkpoint that this instance owns. */
  start({ position, generation, failure }: Pick<Checkpoint, 'position' | 'generation' | 'failure'>): void {
    if (this.#running) return;
    this.#generation = generation;
    // Who owned it before may have failed here: it stands still until something succeeds.
    this.#failure = failure;
    this.#stopping = new AbortController();
    this.#batch = undefined;
    this.#parked = undefined;
    this.#recent.clear();
    // What was committed since this instance last knew, by whomever, may have changed any row.
    this.#moveTo(position, null, 0);
    this.#running = this.#run(this.#stopping.signal).finally(() => {
      this.#running = undefined;
      this.#underWay = undefined;
      this.#source.forget();
    });
  }

  /** Ends after the batch under way. */
  async stop(): Promise<void> {
    this.#stopping?.abort();
    this.wake();
    await this.#running;
  }

  /** There may be something to do. */
  wake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  async #run(stopping: AbortSignal): Promise<void> {
    let failures = 0;
    let missed = 0;
    while (!stopping.aborted) {
      try {
        this.#parked ??= await loadParked(this.#parts.table.db, this.#parts.projection, this.#position);
        const batch = await this.#source.next(this.#position, (first) => this.#begin(first));
        const { events } = batch;
        if (events.length > 0) await watchedBatch(this.name, events, this.#parts, () => this.#apply(batch));
        await this.#recovered();
        failures = 0;
        missed = events.length === 0 && this.#position < this.#parts.head.position ? missed + 1 : 0;
        // The log ends before the head that was told: it has lost events, or goes on in a moment.
        if (missed > 0) await pause(missed, stopping);
        else if (events.length === 0) await this.#somethingToDo(stopping);
      } catch (error) {
        this.#source.forget();
        this.#recent.clear();
        // Somebody else owns it now; the projector starts this runner again when it is ours.
        if (error instanceof FencedError) {
          this.#parts.onFenced?.();
          return;
        }
        if (this.#culprits.narrow(error, { after: this.#position, size: this.#batch?.size ?? 0 })) continue;
        failures++;
        await this.#failed(error);
        await pause(failures, stopping);
      }
    }
  }

  /** @returns the number of rows that changed. */
  async #apply({ events, ready }: Batch): Promise<number> {
    const { projection, table, owner } = this.#parts;
    const from = this.#position;
    const first = events[0] as RecordedEvent;
    const to = (events.at(-1) as RecordedEvent).position;
    this.#batch = { events, size: events.length, to, recordedAt: first.recordedAt };
    this.#begin(first);
    if (first.position !== from + 1 || to - from !== events.length) {
      throw new Error(`The log has a hole between ${from} and ${to}.`);
    }
    const parking = this.#parkingOf(events);
    const { plan, present } = (!parking && ready) || (await this.#prepare(events, parking));
    const writes = foldBatch(projection, plan, present, parking);
    const move = { from, to, owner, generation: this.#generation };
    if (!parking) this.#source.prepare(to, writes);
    if (parking?.isNeeded) await parkBatch(table.db, projection, writes, move, parking);
    else await table.write(writes, move);
    if (parking) this.#recent.clear();
    else this.#recent.written(writes);
    for (const event of this.#culprits.poison.size > 0 ? events : []) {
      const poison = this.#culprits.poison.get(event.position);
      if (poison) this.#report(poison.error, [event]);
    }
    this.#batch = undefined;
    this.#underWay = undefined;
    if (parking) this.#parked = parking.after(to);
    this.#culprits.forget(to);
    const keys = parking?.isNeeded ? new Set([...writes.keys, ...parking.stale.map(({ text }) => text)]) : writes.keys;
    this.#moveTo(to, keys, Math.max(0, this.#parts.clock.now() - first.recordedAt.getTime()));
    return writes.keys.size;
  }

  async #prepare(events: readonly RecordedEvent[], parking: Parking | undefined): Promise<NonNullable<Batch['ready']>> {
    const { projection, table } = this.#parts;
    const plan = planBatch(projection, events, parking);
    if (plan.steps.length === 0) return { plan, present: [] };
    // Which rows have a value only the table knows, and what waits may be applied by others.
    if (parking || plan.where.size > 0) return { plan, present: await table.read(plan) };
    const { known, others } = this.#recent.take(plan.keys);
    return { plan, present: [...known, ...(await table.read({ keys: others, where: plan.where }))] };
  }

  /** The parking plan for this batch; `undefined` (the normal case) if nothing is parked and no event is known to be poison. */
  #parkingOf(events: readonly RecordedEvent[]): Parking | undefined {
    const parked = this.#parked;
    if (!parked || (isNothing(parked) && !this.#culprits.among(events))) return undefined;
    return new Parking(parked, this.#culprits.poison, this.#parts.deadLetterLimit ?? DEAD_LETTER_LIMIT);
  }

  #begin(first: RecordedEvent | undefined): void {
    const after = this.#position;
    const before = this.#underWay?.after === after ? this.#underWay : undefined;
    this.#underWay = {
      since: before?.since ?? performance.now(),
      after,
      first: first ?? before?.first,
      trouble: before?.trouble,
    };
  }

  #moveTo(position: number, keys: ReadonlySet<string> | null, lagMs: number): void {
    this.#position = position;
    const hasParked = this.#parked && this.#parked.since.size > 0;
    this.#parts.onMoved({ projection: this.name, position, keys, lagMs, hasParked });
  }

  #somethingToDo(stopping: AbortSignal): Promise<void> {
    this.#underWay = undefined;
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (stopping.aborted || this.#position < this.#parts.head.position) this.wake();
    });
  }

  #report(error: unknown, events = this.#batch?.events): void {
    this.#parts.onError(error, { projection: this.name, position: this.#position, ...culpritOf(error, events) });
  }

  async #failed(error: unknown): Promise<void> {
    this.#report(error);
    if (isTransient(error)) {
      if (this.#underWay) this.#underWay = { ...this.#underWay, trouble: rootOf(error).message };
      return;
    }
    const isWorded = isPoison(error) || error instanceof TooManyDeadLettersError;
    const failure = isWorded ? error.message : refusal(this.name, this.#position + 1, error);
    if (this.#failure === failure) return;
    this.#failure = failure;
    await this.#parts.checkpoints.setFailure(this.name, failure).catch(() => undefined);
  }

  async #recovered(): Promise<void> {
    if (this.#failure === null) return;
    this.#failure = null;
    await this.#parts.checkpoints.setFailure(this.name, null).catch(() => undefined);
  }
}

/** Longer with each time in a row, up to 5 seconds. */
function pause(times: number, stopping: AbortSignal): Promise<void> {
  return delay(Math.min(5000, 50 * 2 ** times), undefined, { signal: stopping }).catch(() => undefined);
}
