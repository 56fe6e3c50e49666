import { rootOf } from '../../../database/errors.ts';
import { isTransient } from '../../../database/transient.ts';
import { bytesOf, PAGE_BYTES } from '../../bytes.ts';
import { initiatorOf, type RecordedEvent } from '../../define/event.ts';
import { SYSTEM_ROLE } from '../../define/roles.ts';
import { OutcomeUnknownError, ThrottledError } from '../../errors.ts';
import {
  type BatchLimits,
  type Share,
  streamOf,
  type Waiting,
  WaitingAppends,
} from '../../fairness/waiting-appends.ts';
import { type Observer, unobserved } from '../../observe/observer.ts';
import { inBatchSpan } from '../../observe/trace.ts';
import type { Obstacles } from '../../obstacles.ts';
import { type Append, type AppendOutcome, newEventIds } from './append.ts';
import { appendUntilKnown, type Patience } from './append-until-known.ts';
import { Pace } from './drain-rate.ts';
import type { LogAppender } from './log-appender.ts';

export interface AppendQueueOptions extends Patience {
  /** Appends that may wait; more are refused with THROTTLED. */
  readonly limit: number;
  /** Bytes of those, about. */
  readonly bytes?: number | undefined;
  /** Appends that may wait on behalf of one initiator. The system's own are counted and not refused. */
  readonly limitPerActor?: number | undefined;
  /** Bytes of those, about. */
  readonly bytesPerActor?: number | undefined;
  /** Events in one transaction. */
  readonly batchLimit: number;
  /** Bytes of those, about. */
  readonly batchBytes?: number | undefined;
  /**
   * Told of every committed batch before the callers are: its events in the order of positions and its last position.
   */
  readonly onCommitted: (events: readonly RecordedEvent[], position: number) => void;
  /** Told where `onCommitted` throws: the batch is in the log all the same, and its callers are answered. */
  readonly onError?: (error: unknown) => void;
  /** Told of each failure that is being retried, and of what requests the batch is. */
  readonly onRetry?: (error: unknown, attempt: number, correlationIds: readonly string[]) => void;
  /** What stands in the way of any append. */
  readonly obstacles?: Pick<Obstacles, 'assertNone'> | undefined;
  readonly observer?: Observer | undefined;
}

const MB = 2 ** 20;
/** An append besides its events. */
const ENVELOPE_BYTES = 256;

/** A log entry about a batch names so many of its requests. */
const MAX_NAMED = 10;

/** The batch that is being committed. */
export interface AppendUnderWay {
  /** When it began, or if those before it failed, when the first of these did; by `performance.now()`. */
  readonly since: number;
  readonly appends: number;
  /** Its first append. */
  readonly first: Pick<Append, 'streamType' | 'streamId' | 'events'>;
  /** Why the last attempt failed, where it is made again. */
  readonly trouble: string | undefined;
}

interface Appending extends Waiting {
  readonly eventIds: readonly string[];
  readonly holds: () => boolean;
  readonly resolve: (outcome: AppendOutcome) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Group commit: while one batch is being committed, the appends that arrive wait and go together in the next. So that the
 * log's lock, the round trip and the fsync are paid once for many commands.
 *
 * A batch whose connection breaks or goes silent is sent again as it is: the log looks every command id up under its lock before it
 * appends, so that what was committed is found rather than repeated.
 */
export class AppendQueue {
  readonly #log: Pick<LogAppender, 'append'>;
  readonly #options: AppendQueueOptions;
  readonly #limits: { readonly [K in 'limit' | 'bytes' | 'limitPerActor' | 'bytesPerActor']: number };
  readonly #batchLimits: BatchLimits;
  readonly #observer: Observer;
  readonly #waiting = new WaitingAppends<Appending>();
  #running: Promise<void> | undefined;
  #closed = false;
  readonly #pace = new Pace();
  #underWay: AppendUnderWay | undefined;
  /** Since when batches fail, where the last one did. */
  #failingSince: number | undefined;

  constructor(log: Pick<LogAppender, 'append'>, options: AppendQueueOptions) {
    this.#log = log;
    this.#options = options;
    const { limit, bytes = 64 * MB, limitPerActor = limit, bytesPerActor = bytes } = options;
    this.#limits = { limit, bytes, limitPerActor, bytesPerActor };
    this.#batchLimits = { events: options.batchLimit, bytes: options.batchBytes ?? PAGE_BYTES };
    this.#observer = options.observer ?? unobserved;
  }

  /** Appends that may wait. */
  get limit(): number {
    return this.#options.limit;
  }

  /** Appends that wait for their batch. */
  get depth(): number {
    return this.#waiting.count;
  }

  /** How long the first of them has waited, in ms. */
  get oldestWaitMs(): number {
    const { oldest } = this.#waiting;
    return oldest ? Math.round(performance.now() - oldest.since) : 0;
  }

  /** The batch that is being committed, however often it is sent. */
  get underWay(): AppendUnderWay | undefined {
    return this.#underWay;
  }

  /** Bytes of what waits, about. */
  get bytes(): number {
    return this.#waiting.bytes;
  }

  /**
   * Ask before you do work that would be lost.
   * @param initiator on whose behalf it is; undefined if its share is not bounded.
   * @param bytes of the append, about, if it is known.
   * @throws {ThrottledError} if the queue is full or closed, or has as much of one initiator as it may have.
   */
  assertRoom(initiator?: string, bytes = 0): void {
    if (this.#closed) throw new ThrottledError(1000, 'The server is shutting down.');
    const { count, bytes: waiting } = this.#waiting;
    const { limit, bytes: mostBytes, limitPerActor, bytesPerActor } = this.#limits;
    if (isFull({ count, bytes: waiting }, limit, mostBytes, bytes)) this.#refuse(count, 'The append queue is full.');
    if (initiator === undefined) return;
    const share = this.#waiting.shareOf(initiator);
    if (isFull(share, limitPerActor, bytesPerActor, bytes))
      this.#refuse(share.count, 'Too many of your commands wait to be stored.');
  }

  #refuse(depth: number, reason: string): never {
    const underWayMs = this.#underWay ? performance.now() - this.#underWay.since : 0;
    throw new ThrottledError(this.#pace.retryAfterMs(depth, underWayMs), reason);
  }

  /**
   * Resolves when the append is durable or refused. Appends for one stream are kept in the order of the calls.
   * @param holds asked when its turn comes: false where what it was decided on never came true. Then it is a conflict
   *   unseen, since somebody else may have brought the stream to the very version that it expects.
   * @throws {ThrottledError} see {@link assertRoom}; then nothing was taken.
   * @throws {OutcomeUnknownError} where the database stays away.
   */
  append(append: Append, holds: () => boolean = () => true): Promise<AppendOutcome> {
    const { metadata } = append;
    const initiator = append.caller ?? initiatorOf(metadata);
    const bytes = ENVELOPE_BYTES + (append.bytes ?? bytesOf(append.events));
    this.assertRoom(metadata.actor.roles.includes(SYSTEM_ROLE) ? undefined : initiator, bytes);
    const eventIds = newEventIds(append);
    return new Promise((resolve, reject) => {
      const since = performance.now();
      this.#waiting.push({ append, bytes, initiator, since, isTaken: false, eventIds, holds, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Takes no more and resolves when all that was taken is settled. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    // Callers that were just answered ask again in this turn of the event loop: let them into the same batch.
    await nextTurn();
    while (this.#waiting.count > 0) {
      const batch = this.#waiting.takeBatch(this.#batchLimits);
      const { append: first } = batch[0] as Appending;
      this.#underWay = {
        since: this.#failingSince ?? performance.now(),
        appends: batch.length,
        first,
        trouble: undefined,
      };
      await this.#commit(batch);
      await nextTurn();
    }
    this.#underWay = undefined;
    this.#failingSince = undefined;
    this.#running = undefined;
  }

  async #commit(taken: readonly Appending[]): Promise<void> {
    const batch: Appending[] = [];
    for (const waiting of taken) {
      if (waiting.holds()) batch.push(waiting);
      else waiting.resolve({ outcome: 'conflict' });
    }
    const began = performance.now();
    const unseen = taken.length - batch.length;
    if (batch.length === 0) {
      this.#tell([], [], { unseen, events: 0, began });
      return;
    }
    let outcomes: readonly AppendOutcome[];
    try {
      this.#options.obstacles?.assertNone();
      outcomes = await this.#appendInSpan(batch);
    } catch (error) {
      const unknown = isTransient(error);
      if (!unknown && batch.length > 1 && !(error instanceof ThrottledError)) {
        // One of them holds something that Postgres does not take, and nothing was appended. Apart, the others succeed.
        const middle = Math.ceil(batch.length / 2);
        await this.#commit(batch.slice(0, middle));
        await this.#commit(batch.slice(middle));
        return;
      }
      if (unknown) this.#failingSince ??= this.#underWay?.since;
      const failed = unknown ? [...batch, ...this.#takeFollowers(batch)] : batch;
      for (const { append, reject } of failed)
        reject(unknown ? new OutcomeUnknownError(append.commandId, error) : error);
      this.#tell(failed, [], { unseen, events: 0, began });
      return;
    }
    const events = outcomes.flatMap((outcome) => (outcome.outcome === 'accepted' ? outcome.events : []));
    // What an earlier attempt committed may stand between others' events, before what this one did.
    events.sort((a, b) => a.position - b.position);
    const last = events.at(-1);
    try {
      if (last) this.#options.onCommitted(events, last.position);
    } catch (error) {
      this.#options.onError?.(error);
    }
    for (const [index, { resolve }] of batch.entries()) resolve(outcomes[index] as AppendOutcome);
    this.#tell(batch, outcomes, { unseen, events: events.length, began });
  }

  /** @param batch of which the first `outcomes.length` have an outcome; `unseen` are conflicts besides. */
  #tell(
    batch: readonly Appending[],
    outcomes: readonly AppendOutcome[],
    { unseen, events, began }: { readonly unseen: number; readonly events: number; readonly began: number },
  ): void {
    const ms = performance.now() - began;
    if (outcomes.length > 0) {
      this.#pace.settled(outcomes.length, ms);
      this.#failingSince = undefined;
    }
    const counts = { accepted: 0, conflict: unseen, replayed: 0, reused: 0, taken: 0 };
    for (const { outcome } of outcomes) counts[outcome]++;
    const { conflict, taken, ...others } = counts;
    this.#observer.appended({
      appends: batch.length + unseen,
      events,
      ms,
      waitedMs: Math.max(0, began - (batch[0]?.since ?? began)),
      ...others,
      conflicts: conflict + taken,
      failed: batch.length - outcomes.length,
    });
  }

  /** What waits for the same streams: decided on what is not known. */
  #takeFollowers(batch: readonly Appending[]): Appending[] {
    return this.#waiting.takeStreams(new Set(batch.map(streamOf)));
  }

  #appendInSpan(batch: readonly Appending[]): Promise<AppendOutcome[]> {
    const commands = { length: batch.length, at: (index: number) => batch[index]?.append.metadata };
    return inBatchSpan('append', { 'afterwrite.appends': batch.length }, commands, async (span) => {
      const outcomes = await appendUntilKnown(this.#log, batch, this.#options, (error, attempt) => {
        if (this.#underWay) this.#underWay = { ...this.#underWay, trouble: rootOf(error).message };
        this.#observer.appendRetried();
        const requests = new Set(batch.slice(0, MAX_NAMED).map(({ append }) => append.metadata.correlationId));
        this.#options.onRetry?.(error, attempt, [...requests]);
      });
      const last = outcomes.findLast((outcome) => outcome.outcome === 'accepted');
      if (last?.outcome === 'accepted') span?.setAttribute('afterwrite.position', last.position);
      return outcomes;
    });
  }
}

/** An append larger than what may wait is taken if nothing else waits: it would be refused for ever. */
function isFull({ count, bytes }: Share, limit: number, mostBytes: number, more: number): boolean {
  return count >= limit || (count > 0 && bytes + more > mostBytes);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
