import { pause, Sleeper } from '../../../scheduling/sleeper.ts';
import type { CheckpointAdvance } from '../../checkpoints/advance.ts';
import { type AfterFailure, LogConsumer, type StartingPoint } from '../../checkpoints/log-consumer.ts';
import { PageReader } from '../../checkpoints/page-reader.ts';
import type { RecordedEvent } from '../../define/event.ts';
import type { CommitFeed } from '../../log/commit-feed.ts';
import type { LogHead } from '../../log/log-head.ts';
import type { LogReader } from '../../log/log-reader.ts';
import { AheadOfCodeError } from '../../log/newer-events.ts';
import type { EngineObserver } from '../../observe/occurrences.ts';
import type { ParkedFault, ParkedItems } from '../parked/parked-items.ts';
import { ParkedPartitions } from '../parked/parked-partitions.ts';
import { divide } from './divide.ts';
import { ItemRunner, type RunnerLimits } from './item-runner.ts';
import { Item } from './items.ts';
import { NewerWork } from './newer-work.ts';
import { ParkedRetry } from './parked-retry.ts';
import { ReadableEvents, type ReadablePage } from './readable-events.ts';
import { pauseAfter } from './retries.ts';
import type { Work } from './work.ts';

/** A move of the checkpoint of a process or an effect. */
export interface ProcessAdvance extends Omit<CheckpointAdvance, 'from' | 'owner' | 'failure'>, Standstill {}

/** Why a process or an effect cannot go on completely. */
interface Standstill {
  /** Null if everything moves. */
  readonly failure: string | null;
  /** True if that is because only newer code can go on. */
  readonly isAhead: boolean;
}

export interface ProcessFollowerParts {
  /** The name of the checkpoint. */
  readonly name: string;
  readonly work: Work;
  readonly log: Pick<LogReader, 'read' | 'readAt'>;
  readonly feed: CommitFeed;
  readonly head: LogHead;
  readonly parked: ParkedItems;
  readonly limits: RunnerLimits;
  /** True if this code defines events of this type. */
  readonly knows: (type: string) => boolean;
  /**
   * Moves the checkpoint, and stores why something is stuck, and whether that is because only newer code can go on.
   * @returns false if another instance owns it.
   */
  readonly move: (advance: ProcessAdvance) => Promise<boolean>;
  /** Called when it meets an event of newer code: another instance may be able to go on. */
  readonly onAhead: () => void;
  readonly observer: EngineObserver;
}

/** Number of events in one read. */
const PAGE = 500;
/**
 * Time between two moves of the checkpoint, in ms. It lags behind completed work; work that is repeated is a replay.
 */
const MOVE_EVERY_MS = 100;
/** The same if nothing is in progress, in ms. What is found out without an event, such as a fault of a retry, is stored then. */
const IDLE_MOVE_MS = 1000;

/** The parts that handle events while the follower runs. */
interface Workers {
  readonly items: ItemRunner;
  readonly retry: ParkedRetry;
  readonly newer: NewerWork;
  /** Wakes what moves the checkpoint. */
  readonly mover: Sleeper;
}

/**
 * Follows the log from a checkpoint and has its events handled: those of one partition in order, partitions concurrently. Every
 * event before the checkpoint is handled or parked. An event after it may have been handled too, and is then handled
 * again after a crash.
 */
export class ProcessFollower extends LogConsumer<ReadablePage> {
  readonly #parts: ProcessFollowerParts;
  readonly #readable: ReadableEvents;
  readonly #reader: PageReader<ReadablePage>;
  #workers: Workers | undefined;
  /** Why nothing can be read; null if it can. */
  #failure: string | null = null;
  /** Why only newer code can read the next event; null if this code can. */
  #newerEvent: string | null = null;
  #isAhead = false;
  /** The failure that is stored in the checkpoint. */
  #stored: Standstill = { failure: null, isAhead: false };

  constructor(parts: ProcessFollowerParts) {
    super(parts.name, parts.head);
    this.#parts = parts;
    this.#readable = new ReadableEvents(parts);
    this.#reader = new PageReader({
      feed: parts.feed,
      fed: (events) => ({ events, unreadable: new Map() }),
      load: (after, limit) => this.#readable.after(after, limit),
    });
  }

  /** Number of parked items, as far as this instance knows. */
  get parkedSize(): number {
    return this.#workers?.items.partitions.size ?? 0;
  }

  /** Number of items that were read and are unfinished. */
  get pending(): number {
    return this.#workers?.items.size ?? 0;
  }

  /** True if an initiator has more pending or parked work than their share. */
  isCrowdedBy(initiator: string): boolean {
    return this.#workers?.items.isCrowdedBy(initiator) ?? false;
  }

  /** The first parked item that an operator should know about. */
  get parkedFault(): ParkedFault | undefined {
    return this.#workers?.retry.fault;
  }

  /** Something in it needs newer code, as far as this instance has seen. */
  override get isAhead(): boolean {
    return this.#isAhead;
  }

  /**
   * Why something cannot continue. A fault, which an operator must correct, takes precedence over an event of newer
   * code.
   */
  get standstill(): Standstill {
    const fault = this.#faultSentence;
    const waits = this.#newerEvent ?? this.#workers?.newer.reason ?? null;
    return { failure: fault ?? waits, isAhead: fault === null && waits !== null };
  }

  get #faultSentence(): string | null {
    if (this.parkedSize >= this.#parts.limits.parked) {
      return `${this.name}: ${this.parkedSize} items are parked, which is the maximum. No more events are read until some are done.`;
    }
    const { parkedFault: fault } = this;
    return this.#failure ?? this.#workers?.items.failure ?? (fault ? this.#sentenceOf(fault) : null);
  }

  protected override starting({ failure }: StartingPoint): void {
    this.#stored = { failure, isAhead: false };
    this.#failure = null;
    this.#newerEvent = null;
    this.#reader.forget();
  }

  protected override async prepare(stopping: AbortSignal): Promise<void> {
    const { name, work, parked, limits, observer } = this.#parts;
    const partitions = new ParkedPartitions(await parked.begin());
    const read = async (positions: readonly number[]) => (await this.#readable.at(positions)).events;
    const onRoom = () => this.wake();
    const newer = new NewerWork(() => this.#metNewer());
    const shared = { name, work, parked, newer, observer };
    const onParked = () => this.#workers?.retry.wake();
    const items = new ItemRunner({ ...shared, limits, read, onRoom, onParked }, partitions, this.position, stopping);
    const readAgain = (positions: readonly number[]) => this.#readable.at(positions);
    const retry = new ParkedRetry({ ...shared, items, read: readAgain, stopping });
    this.#workers = { items, retry, newer, mover: new Sleeper(stopping) };
  }

  protected override companions(stopping: AbortSignal): readonly Promise<void>[] {
    const { items, retry, mover } = this.#prepared;
    const { deadlines } = this.#parts.work;
    const tellDeadlines = deadlines?.watch(
      (deadline) =>
        new Promise((resolve) => {
          items.add(Item.ofDeadline(deadline, deadlines.partitionOf(deadline.id), { onSettled: () => resolve() }));
        }),
      stopping,
    );
    return [this.#keepMoving(items, mover, stopping), retry.run(), ...(tellDeadlines ? [tellDeadlines] : [])];
  }

  protected override get hasRoom(): boolean {
    return this.#prepared.items.hasRoom;
  }

  protected override read(after: number): Promise<ReadablePage> {
    return this.#reader.read(after, PAGE);
  }

  /**
   * Has a page handled, as far as lanes allow. Events that cannot be handled are parked first, because no event behind
   * them may be handled before that.
   */
  protected override async handle(page: ReadablePage, stopping: AbortSignal): Promise<void> {
    const { work, name, observer } = this.#parts;
    const { items, mover } = this.#prepared;
    const routes = await work.routesOf(page.events, (partition) => items.isOpen(partition));
    const division = divide(page, routes, items.partitions, (type) => work.wanted(type));
    for (const { position, partition, eventType, error } of division.toPark) {
      if (error) observer.tell('faultMet', { error, context: { part: name, position, partition, eventType } });
    }
    const toPark = division.toPark.map(({ item }) => item);
    if (!(await items.park(toPark, pauseAfter(5, undefined))) || stopping.aborted) return;
    for (const item of division.items) items.add(item);
    items.saw((page.events.at(-1) as RecordedEvent).position);
    mover.wake();
  }

  protected override async succeeded(): Promise<void> {
    this.#failure = null;
    this.#newerEvent = null;
    this.#isAhead = this.#prepared.newer.reason !== null;
  }

  protected override async failed(error: unknown): Promise<AfterFailure> {
    this.#reader.forget();
    this.#workers?.mover.wake();
    if (error instanceof AheadOfCodeError) {
      this.#failure = null;
      this.#newerEvent = error.message;
      this.#metNewer();
      return 'later';
    }
    const { inProgress } = this;
    const context = inProgress ? { position: inProgress.after + 1 } : {};
    const message = error instanceof Error ? error.message : String(error);
    this.#failure = `${this.name} ${JSON.stringify(context)}: ${message}`;
    this.describe({ trouble: message });
    this.#parts.observer.tell('faultMet', { error, context: { part: this.name, ...context } });
    return 'later';
  }

  protected override report(error: unknown): void {
    // This is a bug of the follower. The owner of the lease starts it again at its checkpoint.
    this.#parts.observer.tell('faultMet', { error, context: { part: this.name } });
  }

  protected override async ended(): Promise<void> {
    await this.#workers?.items.settled();
    this.#workers = undefined;
  }

  get #prepared(): Workers {
    if (!this.#workers) throw new Error(`${this.name} is not prepared.`);
    return this.#workers;
  }

  async #keepMoving(items: ItemRunner, mover: Sleeper, stopping: AbortSignal): Promise<void> {
    let isIdle = false;
    while (!stopping.aborted) {
      if (!isIdle) await pause(MOVE_EVERY_MS, stopping);
      if (!(await this.#move(items))) this.halt();
      isIdle = items.size === 0 && items.done === this.position && !(await mover.sleep(IDLE_MOVE_MS));
    }
  }

  async #move(items: ItemRunner): Promise<boolean> {
    const to = items.done;
    const { standstill } = this;
    const { failure, isAhead } = this.#stored;
    if (to === this.position && standstill.failure === failure && standstill.isAhead === isAhead) return true;
    try {
      const isOurs = await this.#parts.move({ to, generation: this.generation, ...standstill });
      if (isOurs) {
        this.advancedTo(to);
        this.#stored = standstill;
      }
      return isOurs;
    } catch (error) {
      this.#parts.observer.tell('faultMet', { error, context: { part: this.name } });
      return true;
    }
  }

  /** Told each time, because an instance with newer code may have started meanwhile. */
  #metNewer(): void {
    this.#isAhead = true;
    this.#parts.onAhead();
  }

  #sentenceOf({ partition, position, deadline, error }: ParkedFault): string {
    const what = deadline ? { partition, deadline } : { partition, position };
    return `${this.name} ${JSON.stringify(what)}: ${error}`;
  }
}
