import { setTimeout as delay } from 'node:timers/promises';
import { isTransient } from '../../database/transient.ts';
import type { RecordedEvent } from '../define/event.ts';
import { OutcomeUnknownError, ThrottledError } from '../errors.ts';
import type { Checkpoint } from '../read/checkpoints.ts';
import type { CommitFeed } from '../read/commit-feed.ts';
import type { LogHead } from '../read/log-head.ts';
import type { EventLog } from '../write/event-log.ts';
import { InFlight } from './in-flight.ts';

/** What is done in answer to events. */
export interface Work {
  /** Whether events of this type may have to be answered: only their data is read. */
  wanted(type: string): boolean;
  /**
   * For each event the line in which it is answered, nothing where it need not be. One line's events are answered one after the
   * other. @param isOpen whether something is under way in a line.
   */
  linesOf(
    events: readonly RecordedEvent[],
    isOpen: (line: string) => boolean,
  ): readonly (string | undefined)[] | Promise<readonly (string | undefined)[]>;
  /** Answers an event. It is done again where this throws. */
  answer(event: RecordedEvent, line: string, stopping: AbortSignal): Promise<void>;
  /** Goes on beside it, until it is stopped. */
  alongside?(patiently: Patiently, stopping: AbortSignal): Promise<void>;
}

/** Tries until it succeeds. @returns false where it is stopped before: then it is for whoever takes over. */
export type Patiently = (
  work: () => Promise<void>,
  context: Readonly<Record<string, unknown>>,
  stopping: AbortSignal,
) => Promise<boolean>;

export interface FollowerParts {
  /** The checkpoint's. */
  readonly name: string;
  readonly work: Work;
  readonly log: EventLog;
  readonly feed: CommitFeed;
  readonly head: LogHead;
  /** Moves the checkpoint, and says in it why some line stands still. @returns false where it is another's. */
  readonly move: (name: string, to: number, generation: number, failure: string | null) => Promise<boolean>;
  readonly onError: (error: unknown, context: Readonly<Record<string, unknown>>) => void;
}

/** Goes by when time does; no fault. */
export class PassingError extends Error {}

/** Events on their way at one time: what a restart does again at most. */
const WINDOW = 1000;
const BATCH = 500;
/** Between two moves of the checkpoint, in ms. It lags behind what is done; what is done again is a replay. */
const MOVE_EVERY_MS = 100;
/** Between two attempts, in ms. */
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 10_000;

/**
 * Follows the log from a checkpoint and has its events answered: those of one line in order, lines side by side. An event may be
 * answered again after a crash.
 */
export class Follower {
  readonly #parts: FollowerParts;
  #position = 0;
  #generation = 0;
  #running: Promise<void> | undefined;
  #stopping: AbortController | undefined;
  #wake: (() => void) | undefined;
  /** Why lines stand still, each for itself. */
  readonly #failures = new Map<object, string>();
  /** What the checkpoint says. */
  #said: string | null = null;

  constructor(parts: FollowerParts) {
    this.#parts = parts;
  }

  get name(): string {
    return this.#parts.name;
  }

  /** Every event up to here is answered, as the checkpoint says. */
  get position(): number {
    return this.#position;
  }

  get generation(): number {
    return this.#generation;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Why some line stands still; null while all move. */
  get failure(): string | null {
    const [first] = this.#failures.values();
    return first ?? null;
  }

  /** Begins at a checkpoint that this instance owns. */
  start({ position, generation, failure }: Pick<Checkpoint, 'position' | 'generation' | 'failure'>): void {
    if (this.#running) return;
    this.#position = position;
    this.#generation = generation;
    this.#said = failure;
    this.#failures.clear();
    const stopping = new AbortController();
    this.#stopping = stopping;
    const inFlight = new InFlight(position);
    const { work } = this.#parts;
    const parts = [
      this.#read(inFlight, stopping.signal),
      this.#keepMoving(inFlight, stopping),
      work.alongside?.((...args) => this.#patiently(...args), stopping.signal),
    ];
    this.#running = Promise.all(parts)
      .catch(async (error) => {
        // Nothing of it should come to this. It begins again at its checkpoint, where it is still this instance's.
        this.#parts.onError(error, { part: this.name });
        stopping.abort();
        this.wake();
        await Promise.allSettled(parts);
      })
      .then(() => {
        this.#running = undefined;
      });
  }

  /** Ends when what is on its way is done, or cannot be. */
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

  async #read(inFlight: InFlight, stopping: AbortSignal): Promise<void> {
    let after = this.#position;
    while (!stopping.aborted) {
      const events = inFlight.size < WINDOW ? await this.#next(after, stopping) : [];
      await this.#take(events, inFlight, stopping);
      if (stopping.aborted) break;
      after = events.at(-1)?.position ?? after;
      inFlight.saw(after);
      if (events.length === 0) await this.#somethingToDo(after, inFlight, stopping);
    }
    await inFlight.settled();
  }

  async #next(after: number, stopping: AbortSignal): Promise<readonly RecordedEvent[]> {
    const { feed, head, log, work } = this.#parts;
    if (after >= head.position) return [];
    const fed = feed.after(after, BATCH);
    if (fed.length > 0) return fed;
    let events: readonly RecordedEvent[] = [];
    const read = async () => {
      events = await log.read(after, BATCH, { wanted: (type) => work.wanted(type) });
    };
    await this.#patiently(read, { position: after + 1 }, stopping);
    return events;
  }

  async #take(events: readonly RecordedEvent[], inFlight: InFlight, stopping: AbortSignal): Promise<void> {
    const [first] = events;
    if (!first) return;
    const { work } = this.#parts;
    let lines: readonly (string | undefined)[] = [];
    const ask = async () => {
      lines = await work.linesOf(events, (line) => inFlight.isOpen(line));
    };
    if (!(await this.#patiently(ask, { position: first.position }, stopping))) return;
    for (const [nth, event] of events.entries()) {
      const line = lines[nth];
      if (line === undefined) continue;
      const answer = () => work.answer(event, line, stopping);
      const patiently = () => this.#patiently(answer, { line, position: event.position }, stopping);
      void inFlight.add(event.position, line, patiently).then(() => this.wake());
    }
  }

  async #patiently(...[work, context, stopping]: Parameters<Patiently>): Promise<boolean> {
    for (let attempt = 0; !stopping.aborted; attempt++) {
      try {
        await work();
        this.#failures.delete(context);
        return true;
      } catch (error) {
        if (stopping.aborted) break;
        const passes = isTransient(error) || PASSING.some((kind) => error instanceof kind);
        if (!passes)
          this.#failures.set(
            context,
            `${this.name} ${JSON.stringify(context)}: ${error instanceof Error ? error.message : error}`,
          );
        if (!(error instanceof ThrottledError)) this.#parts.onError(error, { part: this.name, ...context, attempt });
        const ms = error instanceof ThrottledError ? error.retryAfterMs : FIRST_RETRY_MS * 2 ** Math.min(attempt, 10);
        await delay(Math.min(LONGEST_RETRY_MS, ms), undefined, { signal: stopping }).catch(() => undefined);
      }
    }
    return false;
  }

  async #keepMoving(inFlight: InFlight, stopping: AbortController): Promise<void> {
    while (!stopping.signal.aborted) {
      await delay(MOVE_EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (!(await this.#move(inFlight))) {
        stopping.abort();
        this.wake();
      }
    }
  }

  async #move(inFlight: InFlight): Promise<boolean> {
    const to = inFlight.done;
    const { failure } = this;
    if (to === this.#position && failure === this.#said) return true;
    try {
      const moved = await this.#parts.move(this.name, to, this.#generation, failure);
      if (moved) {
        this.#position = to;
        this.#said = failure;
      }
      return moved;
    } catch (error) {
      this.#parts.onError(error, { part: this.name });
      return true;
    }
  }

  #somethingToDo(after: number, inFlight: InFlight, stopping: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (stopping.aborted || (after < this.#parts.head.position && inFlight.size < WINDOW)) this.wake();
    });
  }
}

/** What goes by when time does. */
const PASSING = [ThrottledError, OutcomeUnknownError, PassingError];
