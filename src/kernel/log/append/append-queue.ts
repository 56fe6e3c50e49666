import { isTransient } from '../../../database/transient.ts';
import { bytesOf, PAGE_BYTES } from '../../bytes.ts';
import { SYSTEM_ROLE } from '../../define/access/roles.ts';
import { initiatorOf, type RecordedEvent } from '../../define/event.ts';
import { OutcomeUnknownError, ThrottledError } from '../../errors.ts';
import { type EngineObserver, unobserved } from '../../observe/occurrences.ts';
import { inBatchSpan } from '../../observe/trace.ts';
import type { Obstacles } from '../../obstacles.ts';
import { type Append, type AppendOutcome, newEventIds } from './append.ts';
import { appendUntilKnown, type Patience } from './append-until-known.ts';
import { BatchProgress, type CurrentAppends } from './batch-progress.ts';
import { DrainRate } from './drain-rate.ts';
import type { LogAppender } from './log-appender.ts';
import { type QueueLimits, whyFull } from './queue-limits.ts';
import { type BatchLimits, streamOf, type Waiting, WaitingAppends } from './waiting-appends.ts';

export interface AppendQueueOptions extends Patience {
  /** Maximum number of waiting appends; more are refused with THROTTLED. */
  readonly limit: number;
  /** Maximum size of the waiting appends, in bytes (approximate). */
  readonly bytes?: number | undefined;
  /** Maximum number of waiting appends of one initiator. Appends of the system are counted, but not refused. */
  readonly limitPerActor?: number | undefined;
  /** Maximum size of the waiting appends of one initiator, in bytes (approximate). */
  readonly bytesPerActor?: number | undefined;
  /** Maximum number of events in one transaction. */
  readonly batchLimit: number;
  /** Maximum size of the events in one transaction, in bytes (approximate). */
  readonly batchBytes?: number | undefined;
  /**
   * Called with every committed batch before its callers are answered: its events in the order of positions, and its
   * last position. If it throws, the batch is still committed, and its callers are answered.
   */
  readonly onCommitted: (events: readonly RecordedEvent[], position: number) => void;
  /** Reasons for which every append is refused. */
  readonly obstacles?: Pick<Obstacles, 'assertNone'> | undefined;
  readonly observer?: EngineObserver | undefined;
}

const MB = 2 ** 20;
/** Bytes of an append besides its events. */
const ENVELOPE_BYTES = 256;

/** Maximum number of requests that the report of a fault names. */
const MAX_NAMED = 10;

interface Appending extends Waiting {
  readonly eventIds: readonly string[];
  readonly holds: () => boolean;
  readonly resolve: (outcome: AppendOutcome) => void;
  readonly reject: (error: unknown) => void;
}

/** Appends that are sent to the log together. */
interface AppendBatch {
  readonly appends: readonly Appending[];
  /** Number of appends that were taken together with these, and answered with a conflict without being sent. */
  readonly unfounded: number;
  readonly began: number;
}

/**
 * Group commit: while one batch is being committed, arriving appends wait and go together in the next one. So many
 * commands share the log's lock, one round trip and one fsync. If the connection of a batch breaks or goes silent, the
 * batch is sent again unchanged. Under its lock, the log looks up every command id before it appends, so that committed
 * appends are found, not repeated.
 */
export class AppendQueue {
  readonly #log: Pick<LogAppender, 'append'>;
  readonly #options: AppendQueueOptions;
  readonly #limits: QueueLimits;
  readonly #batchLimits: BatchLimits;
  readonly #observer: EngineObserver;
  readonly #waiting = new WaitingAppends<Appending>();
  readonly #drainRate = new DrainRate();
  readonly #progress = new BatchProgress();
  #running: Promise<void> | undefined;
  #committing: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(log: Pick<LogAppender, 'append'>, options: AppendQueueOptions) {
    this.#log = log;
    this.#options = options;
    const { limit, bytes = 64 * MB, limitPerActor = limit, bytesPerActor = bytes } = options;
    this.#limits = { limit, bytes, limitPerActor, bytesPerActor };
    this.#batchLimits = { events: options.batchLimit, bytes: options.batchBytes ?? PAGE_BYTES };
    this.#observer = options.observer ?? unobserved;
  }

  /** Maximum number of waiting appends. */
  get limit(): number {
    return this.#options.limit;
  }

  /** Number of waiting appends. */
  get depth(): number {
    return this.#waiting.count;
  }

  /** How long the oldest append has waited, in ms. */
  get oldestWaitMs(): number {
    const { oldest } = this.#waiting;
    return oldest ? Math.round(performance.now() - oldest.since) : 0;
  }

  /** The batch that is being committed, in whichever attempt. */
  get current(): CurrentAppends | undefined {
    return this.#progress.current;
  }

  /** Size of the waiting appends, in bytes (approximate). */
  get bytes(): number {
    return this.#waiting.bytes;
  }

  /**
   * Call this before work that would be lost if there is no room.
   * @param initiator on whose behalf the append is; undefined if their share is not bounded.
   * @param bytes approximate bytes of the append, if known.
   * @throws {ThrottledError} if the queue is full or closed, or holds the maximum for this initiator.
   */
  assertRoom(initiator?: string, bytes = 0): void {
    if (this.#isClosed) throw new ThrottledError(1000, 'The server is shutting down.');
    const full = whyFull(this.#waiting, this.#limits, initiator, bytes);
    if (!full) return;
    const currentMs = this.current ? performance.now() - this.current.since : 0;
    throw new ThrottledError(this.#drainRate.retryAfterMs(full.depth, currentMs), full.reason);
  }

  /**
   * Resolves when the append is durable or refused. Appends for one stream keep the order of the calls.
   * @param holds called when its turn comes; false if the state that it was decided on never came true. Then the append
   * is answered with a conflict without being sent, because another append may have brought the stream to the very
   * version that it expects.
   * @throws {ThrottledError} see {@link assertRoom}; nothing was accepted.
   * @throws {OutcomeUnknownError} if the database does not answer for too long.
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

  /** Resolves when the batch that is being committed now has been answered. */
  batchSettled(): Promise<void> {
    return this.#committing;
  }

  /** Accepts no more appends, and resolves when every accepted one is settled. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    // Callers that were just answered may append again in this turn of the event loop. They go into the same batch.
    await nextTurn();
    while (this.#waiting.count > 0) {
      const taken = this.#waiting.takeBatch(this.#batchLimits);
      this.#progress.begin(taken.length, (taken[0] as Appending).append);
      this.#committing = this.#commit(taken);
      await this.#committing;
      await nextTurn();
    }
    this.#progress.end();
    this.#running = undefined;
  }

  /** Commits what was taken, and answers its callers. */
  async #commit(taken: readonly Appending[]): Promise<void> {
    const batch = withoutUnfounded(taken);
    if (batch.appends.length === 0) {
      this.#tell(batch, []);
      return;
    }
    let outcomes: readonly AppendOutcome[];
    try {
      this.#options.obstacles?.assertNone();
      outcomes = await this.#appendInSpan(batch.appends);
    } catch (error) {
      await this.#fail(batch, error);
      return;
    }
    this.#accept(batch, outcomes);
  }

  #accept(batch: AppendBatch, outcomes: readonly AppendOutcome[]): void {
    const events = outcomes.flatMap((outcome) => (outcome.outcome === 'accepted' ? outcome.events : []));
    // Events that an earlier attempt committed may be among others' events, before those of this attempt.
    events.sort((a, b) => a.position - b.position);
    const last = events.at(-1);
    try {
      if (last) this.#options.onCommitted(events, last.position);
    } catch (error) {
      this.#observer.tell('faultMet', { error, context: { part: 'append' } });
    }
    for (const [index, { resolve }] of batch.appends.entries()) resolve(outcomes[index] as AppendOutcome);
    this.#drainRate.settled(outcomes.length, performance.now() - batch.began);
    this.#progress.succeeded();
    this.#tell(batch, outcomes);
  }

  async #fail(batch: AppendBatch, error: unknown): Promise<void> {
    const { appends } = batch;
    if (isTransient(error)) {
      // It is unknown whether the batch was committed. Appends that wait for the same streams were decided on it, and
      // are not sent.
      this.#progress.failed();
      const followers = this.#waiting.takeStreams(new Set(appends.map(streamOf)));
      this.#reject({ ...batch, appends: [...appends, ...followers] }, ({ commandId }) => {
        return new OutcomeUnknownError(commandId, error);
      });
    } else if (appends.length > 1 && !(error instanceof ThrottledError)) {
      // Postgres does not accept a value of one of them, so nothing was appended. The others succeed without it.
      if (batch.unfounded > 0) this.#tell({ ...batch, appends: [] }, []);
      const middle = Math.ceil(appends.length / 2);
      await this.#commit(appends.slice(0, middle));
      await this.#commit(appends.slice(middle));
    } else {
      this.#reject(batch, () => error);
    }
  }

  #reject(batch: AppendBatch, errorOf: (append: Append) => unknown): void {
    for (const { append, reject } of batch.appends) reject(errorOf(append));
    this.#tell(batch, []);
  }

  /** @param outcomes the outcomes of its appends; none if the batch failed. */
  #tell({ appends, unfounded, began }: AppendBatch, outcomes: readonly AppendOutcome[]): void {
    if (!this.#observer.hears('batchAppended')) return;
    const counts = { accepted: 0, conflict: unfounded, replayed: 0, reused: 0, taken: 0 };
    let events = 0;
    for (const outcome of outcomes) {
      counts[outcome.outcome]++;
      if (outcome.outcome === 'accepted') events += outcome.events.length;
    }
    const { conflict, taken, ...others } = counts;
    this.#observer.tell('batchAppended', {
      appends: appends.length + unfounded,
      events,
      ms: performance.now() - began,
      waitedMs: Math.max(0, began - (appends[0]?.since ?? began)),
      ...others,
      conflicts: conflict + taken,
      failed: appends.length - outcomes.length,
    });
  }

  #appendInSpan(batch: readonly Appending[]): Promise<AppendOutcome[]> {
    const commands = { length: batch.length, at: (index: number) => batch[index]?.append.metadata };
    return inBatchSpan('append', { 'afterwrite.appends': batch.length }, commands, async (span) => {
      const outcomes = await appendUntilKnown(this.#log, batch, this.#options, (error, attempt) => {
        this.#progress.retries(error);
        const requests = new Set(batch.slice(0, MAX_NAMED).map(({ append }) => append.metadata.correlationId));
        this.#observer.tell('appendRetried', { error, attempt });
        this.#observer.tell('faultMet', {
          error,
          context: { part: 'append', attempt, correlationIds: [...requests] },
        });
      });
      const last = outcomes.findLast((outcome) => outcome.outcome === 'accepted');
      if (last?.outcome === 'accepted') span?.setAttribute('afterwrite.position', last.position);
      return outcomes;
    });
  }
}

/** Answers appends with a conflict if the state that they were decided on never came true, and returns the others. */
function withoutUnfounded(taken: readonly Appending[]): AppendBatch {
  const appends: Appending[] = [];
  for (const each of taken) {
    if (each.holds()) appends.push(each);
    else each.resolve({ outcome: 'conflict' });
  }
  return { appends, unfounded: taken.length - appends.length, began: performance.now() };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
