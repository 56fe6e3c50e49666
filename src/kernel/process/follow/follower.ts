import { setTimeout as delay } from 'node:timers/promises';
import type { CheckpointAdvance } from '../../checkpoints/advance.ts';
import type { Checkpoint } from '../../checkpoints/checkpoints.ts';
import { type RecordedEvent, UnreadableEventError } from '../../define/event.ts';
import type { CommitFeed } from '../../log/commit-feed.ts';
import type { LogHead } from '../../log/log-head.ts';
import type { LogReader } from '../../log/log-reader.ts';
import type { ItemToPark, ParkedFault, ParkedItems } from '../parked/parked-items.ts';
import { ParkedLines } from '../parked/parked-lines.ts';
import { type Batch, divide } from './divide.ts';
import { deadlineItemOf } from './items.ts';
import { ParkedRetry } from './parked-retry.ts';
import { patiently, pauseAfter } from './retries.ts';
import { ItemRunner, type RunnerLimits } from './runner.ts';
import type { Work } from './work.ts';

export interface FollowerParts {
  /** The checkpoint's. */
  readonly name: string;
  readonly work: Work;
  readonly log: Pick<LogReader, 'read' | 'readAt'>;
  readonly feed: CommitFeed;
  readonly head: LogHead;
  readonly parked: ParkedItems;
  readonly limits: RunnerLimits;
  /** Whether this code has events of this type. */
  readonly knows: (type: string) => boolean;
  /** Moves the checkpoint, and says in it why something stands still. @returns false if it is another's. */
  readonly move: (advance: Omit<CheckpointAdvance, 'from' | 'owner'>) => Promise<boolean>;
  readonly onError: (error: unknown, context: Readonly<Record<string, unknown>>) => void;
}

const BATCH = 500;
/** Between two moves of the checkpoint, in ms. It lags behind what is done; what is done again is a replay. */
const MOVE_EVERY_MS = 100;

/**
 * Follows the log from a checkpoint and has its events answered: those of one line in order, lines side by side. The
 * checkpoint is where every event before it is answered or parked, so an event may be answered again after a crash.
 */
export class Follower {
  readonly #parts: FollowerParts;
  #position = 0;
  #generation = 0;
  #running: Promise<void> | undefined;
  #stopping: AbortController | undefined;
  #wake: (() => void) | undefined;
  #runner: ItemRunner | undefined;
  #retry: ParkedRetry | undefined;
  /** Why nothing can be read; null if it can. */
  #failure: string | null = null;
  /** What the checkpoint says. */
  #said: string | null = null;

  constructor(parts: FollowerParts) {
    this.#parts = parts;
  }

  get name(): string {
    return this.#parts.name;
  }

  /** Every event up to here is answered or parked, as the checkpoint says. */
  get position(): number {
    return this.#position;
  }

  get generation(): number {
    return this.#generation;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Items that are parked, as far as this instance knows. */
  get parkedSize(): number {
    return this.#runner?.lines.size ?? 0;
  }

  /** Items that are read and not done. */
  get pending(): number {
    return this.#runner?.size ?? 0;
  }

  /** Whether an initiator has more to be done, or parked, than its share. */
  isCrowdedBy(initiator: string): boolean {
    return this.#runner?.isCrowdedBy(initiator) ?? false;
  }

  /** The first parked item of which an operator should know. */
  get parkedFault(): ParkedFault | undefined {
    return this.#retry?.fault;
  }

  /** Why something stands still; null while everything moves. */
  get failure(): string | null {
    if (this.parkedSize >= this.#parts.limits.parked) {
      return `${this.name}: ${this.parkedSize} parked, as many as may be. Nothing more is read until some are done.`;
    }
    return this.#failure ?? this.#runner?.failure ?? (this.parkedFault ? this.#sentenceOf(this.parkedFault) : null);
  }

  /** Begins at a checkpoint that this instance owns. */
  start({ position, generation, failure }: Pick<Checkpoint, 'position' | 'generation' | 'failure'>): void {
    if (this.#running) return;
    this.#position = position;
    this.#generation = generation;
    this.#said = failure;
    this.#failure = null;
    const stopping = new AbortController();
    this.#stopping = stopping;
    this.#running = this.#follow(stopping)
      .catch((error) => {
        // A fault of this code. The owner of the lease starts it again at its checkpoint.
        this.#parts.onError(error, { part: this.name });
      })
      .then(() => {
        this.#running = undefined;
        this.#runner = undefined;
        this.#retry = undefined;
      });
  }

  /** Ends when what is worked on is done, or cannot be. */
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

  async #follow(stopping: AbortController): Promise<void> {
    const { signal } = stopping;
    let lines = new ParkedLines();
    const begin = async () => {
      lines = new ParkedLines(await this.#parts.parked.begin());
    };
    if (!(await this.#patiently(begin, signal))) return;
    const runner = this.#newRunner(lines, signal);
    this.#runner = runner;
    const retry = new ParkedRetry({
      ...this.#parts,
      runner,
      read: (positions) => this.#readAt(positions),
      stopping: signal,
    });
    this.#retry = retry;
    const { deadlines } = this.#parts.work;
    const parts = [
      this.#read(runner, signal),
      this.#keepMoving(runner, stopping),
      retry.run(),
      deadlines?.watch(
        (deadline) =>
          new Promise((resolve) => {
            runner.add(deadlineItemOf(deadline, deadlines.lineOf(deadline.id), { onSettled: () => resolve() }));
          }),
        signal,
      ),
    ];
    try {
      await Promise.all(parts);
    } finally {
      stopping.abort();
      this.wake();
      await Promise.allSettled(parts);
      await runner.settled();
    }
  }

  #newRunner(lines: ParkedLines, stopping: AbortSignal): ItemRunner {
    const { name, work, parked, limits, onError } = this.#parts;
    const read = async (positions: readonly number[]) => (await this.#readAt(positions)).events;
    const onRoom = () => this.wake();
    return new ItemRunner({ name, work, parked, limits, read, onRoom, onError }, lines, this.#position, stopping);
  }

  async #read(runner: ItemRunner, stopping: AbortSignal): Promise<void> {
    let after = this.#position;
    let missed = 0;
    while (!stopping.aborted) {
      const batch = runner.hasRoom ? await this.#next(after, stopping) : NOTHING;
      if (!(await this.#take(batch, runner, stopping))) break;
      after = batch.events.at(-1)?.position ?? after;
      runner.saw(after);
      const isMissing = batch.events.length === 0 && runner.hasRoom && after < this.#parts.head.position;
      missed = isMissing ? missed + 1 : 0;
      // The log ends before the head that was told: it has lost events, or goes on in a moment.
      if (isMissing) await delay(pauseAfter(missed, undefined), undefined, { signal: stopping }).catch(() => undefined);
      else if (batch.events.length === 0) await this.#somethingToDo(after, runner, stopping);
    }
  }

  async #next(after: number, stopping: AbortSignal): Promise<Batch> {
    const { feed, head, log } = this.#parts;
    if (after >= head.position) return NOTHING;
    const fed = feed.after(after, BATCH);
    if (fed.length > 0) return { events: fed, unreadable: new Map() };
    let batch = NOTHING;
    const read = async () => {
      batch = await this.#readable((options) => log.read(after, BATCH, options));
    };
    await this.#patiently(read, stopping, { position: after + 1 });
    return batch;
  }

  #readAt(positions: readonly number[]): Promise<Batch> {
    return this.#readable((options) => this.#parts.log.readAt(positions, options));
  }

  /** Events, with the reasons why this code cannot read some of them. */
  async #readable(
    read: (options: NonNullable<Parameters<LogReader['read']>[2]>) => Promise<RecordedEvent[]>,
  ): Promise<Batch> {
    const { work, knows } = this.#parts;
    const unreadable = new Map<number, Error>();
    const events = await read({
      wanted: (type) => work.wanted(type),
      onUnreadable: (error) => error.position !== undefined && unreadable.set(error.position, error),
    });
    for (const { type, streamType, position } of events) {
      if (knows(type) || !work.follows(streamType)) continue;
      unreadable.set(
        position,
        new UnreadableEventError(type, 0, 'no domain defines this event', { position, isNewer: true }),
      );
    }
    return { events, unreadable };
  }

  /** @returns false if it is stopped before. */
  async #take(batch: Batch, runner: ItemRunner, stopping: AbortSignal): Promise<boolean> {
    const [first] = batch.events;
    if (!first) return true;
    const { work, name, onError } = this.#parts;
    let places: Awaited<ReturnType<Work['placesOf']>> = [];
    const ask = async () => {
      places = await work.placesOf(batch.events, (line) => runner.isOpen(line));
    };
    if (!(await this.#patiently(ask, stopping, { position: first.position }))) return false;
    const { items, toPark } = divide(batch, places, runner.lines, (type) => work.wanted(type));
    for (const { position, line, eventType, error } of toPark) {
      if (error) onError(error, { part: name, position, line, eventType });
    }
    // Stored first: what comes after in their lines must not be told before.
    if (!(await runner.park(toPark.map(({ item }) => item) satisfies ItemToPark[], pauseAfter(5, undefined))))
      return false;
    for (const item of items) runner.add(item);
    return true;
  }

  async #patiently(work: () => Promise<void>, stopping: AbortSignal, context: object = {}): Promise<boolean> {
    const { name, onError } = this.#parts;
    const onFailure = (error: unknown, attempt: number) => {
      this.#failure = error
        ? `${name} ${JSON.stringify(context)}: ${error instanceof Error ? error.message : error}`
        : null;
      if (error) onError(error, { part: name, ...context, attempt });
    };
    return patiently(work, { stopping, onFailure });
  }

  async #keepMoving(runner: ItemRunner, stopping: AbortController): Promise<void> {
    while (!stopping.signal.aborted) {
      await delay(MOVE_EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (!(await this.#move(runner))) {
        stopping.abort();
        this.wake();
      }
    }
  }

  async #move(runner: ItemRunner): Promise<boolean> {
    const to = runner.done;
    const { failure } = this;
    if (to === this.#position && failure === this.#said) return true;
    try {
      const moved = await this.#parts.move({ to, generation: this.#generation, failure });
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

  #somethingToDo(after: number, runner: ItemRunner, stopping: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (stopping.aborted || (after < this.#parts.head.position && runner.hasRoom)) this.wake();
    });
  }

  #sentenceOf({ line, position, deadline, error }: ParkedFault): string {
    const what = deadline ? { line, deadline } : { line, position };
    return `${this.name} ${JSON.stringify(what)}: ${error}`;
  }
}

const NOTHING: Batch = { events: [], unreadable: new Map() };
