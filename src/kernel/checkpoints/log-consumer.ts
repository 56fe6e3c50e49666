import { type Backoff, backoffMs } from '../../scheduling/backoff.ts';
import { pause, Sleeper } from '../../scheduling/sleeper.ts';
import type { RecordedEvent } from '../define/event.ts';
import type { LogHead } from '../log/log-head.ts';
import type { Checkpoint } from './checkpoints.ts';
import type { Runner } from './leases/lease-keeper.ts';

/** Consecutive events of the log, without holes. */
export interface LogPage {
  readonly events: readonly RecordedEvent[];
}

/** A checkpoint that a consumer starts at. */
export type StartingPoint = Pick<Checkpoint, 'position' | 'generation' | 'failure'>;

/** The page that a consumer is reading or handling, in whichever attempt. */
export interface CurrentPage {
  /** When the first attempt began, by `performance.now()`. */
  readonly since: number;
  /** The page begins just after this position. */
  readonly after: number;
  /** Empty until it is read. */
  readonly events: readonly RecordedEvent[];
  /** Its first event, which may be known before the page is read completely. */
  readonly first: RecordedEvent | undefined;
  /** Why the last attempt failed. */
  readonly trouble: string | undefined;
}

/** What a consumer does after a failure: it tries again at once or after a pause, or it ends. */
export type AfterFailure = 'again' | 'later' | 'end';

/**
 * Follows the log from a checkpoint, page by page, at its own speed. This is the loop of projections, processes and
 * everything else that consumes the log. A subclass defines how a page is read and handled, and how the checkpoint is
 * moved. Failures are retried until one attempt succeeds, or the consumer is stopped.
 */
export abstract class LogConsumer<Page extends LogPage> implements Runner {
  readonly name: string;
  readonly #head: Pick<LogHead, 'position'>;
  readonly #sleeper = new Sleeper();
  #position = 0;
  #readTo = 0;
  #generation = 0;
  #current: CurrentPage | undefined;
  #stopping: AbortController | undefined;
  #running: Promise<void> | undefined;

  /** @param name key of the checkpoint. */
  constructor(name: string, head: Pick<LogHead, 'position'>) {
    this.name = name;
    this.#head = head;
  }

  /** Everything up to this position is done, as stored in the checkpoint. */
  get position(): number {
    return this.#position;
  }

  /** The checkpoint's generation when it started. */
  get generation(): number {
    return this.#generation;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** The next event can be read by newer code only. */
  get isAhead(): boolean {
    return false;
  }

  /** The page in progress; undefined if there is none. */
  get inProgress(): CurrentPage | undefined {
    return this.#current;
  }

  /** Starts at a checkpoint that this instance owns. Does nothing if it is running. */
  start(at: StartingPoint): void {
    if (this.#running) return;
    this.#position = at.position;
    this.#readTo = at.position;
    this.#generation = at.generation;
    this.#stopping = new AbortController();
    this.starting(at);
    this.#running = this.#run(this.#stopping)
      .catch((error) => this.report(error))
      .then(() => {
        this.#running = undefined;
        this.#current = undefined;
      });
  }

  /** Stops after the page in progress. */
  async stop(): Promise<void> {
    this.halt();
    await this.#running;
  }

  /** Wakes it up, because there may be something to do. */
  wake(): void {
    this.#sleeper.wake();
  }

  /** Reads the page after a position. It has no events if the log ends there. */
  protected abstract read(after: number): Promise<Page>;

  /** Handles a page, which has at least one event. If this throws, the page is read and handled again. */
  protected abstract handle(page: Page, stopping: AbortSignal): Promise<void>;

  /** Decides what to do after a failure. */
  protected abstract failed(error: unknown): Promise<AfterFailure>;

  /** Reports a fault. */
  protected abstract report(error: unknown): void;

  /** Called when it starts. */
  protected starting(_at: StartingPoint): void {}

  /** Loads what the consumer needs before it reads. Retried if it throws. */
  protected async prepare(_stopping: AbortSignal): Promise<void> {}

  /**
   * Work that runs next to reading, from the end of `prepare` until the consumer is stopped. If one of these throws,
   * the consumer ends.
   */
  protected companions(_stopping: AbortSignal): readonly Promise<void>[] {
    return [];
  }

  /** Called after each successful attempt. */
  protected async succeeded(): Promise<void> {}

  /** Called when reading and all companions have ended. */
  protected async ended(): Promise<void> {}

  /** False while no more events may be read. Call `wake` when this changes. */
  protected get hasRoom(): boolean {
    return true;
  }

  /** The checkpoint has been moved. */
  protected advancedTo(position: number): void {
    this.#position = position;
  }

  /** Pages that were handled but whose effects are not stored yet are read again: reading goes on at the checkpoint. */
  protected async rewind(): Promise<void> {
    this.#readTo = this.#position;
  }

  /** Adds facts about the page in progress. */
  protected describe(known: Partial<Pick<CurrentPage, 'first' | 'trouble'>>): void {
    if (this.#current) this.#current = { ...this.#current, ...known };
  }

  /** Makes the consumer end soon. `stop` waits until it has. */
  protected halt(): void {
    this.#stopping?.abort();
    this.#sleeper.wake();
  }

  async #run(stopping: AbortController): Promise<void> {
    const { signal } = stopping;
    if (!(await this.#prepared(signal))) return;
    const end = () => stopping.abort();
    const parts = [this.#follow(signal).finally(end), ...this.companions(signal)];
    try {
      await Promise.all(parts);
    } finally {
      this.halt();
      await Promise.allSettled(parts);
      await this.ended();
    }
  }

  async #prepared(stopping: AbortSignal): Promise<boolean> {
    for (let failures = 1; !stopping.aborted; failures++) {
      try {
        await this.prepare(stopping);
        return true;
      } catch (error) {
        if ((await this.failed(error)) === 'end') return false;
        await backOff(failures, stopping);
      }
    }
    return false;
  }

  async #follow(stopping: AbortSignal): Promise<void> {
    let failures = 0;
    /** Consecutive attempts that found no event although the head is further. */
    let missing = 0;
    while (!stopping.aborted) {
      try {
        const page = this.hasRoom ? await this.#next() : undefined;
        if (page) {
          await this.handle(page, stopping);
          this.#readTo = (page.events.at(-1) as RecordedEvent).position;
          this.#current = undefined;
        }
        await this.succeeded();
        failures = 0;
        if (page) {
          missing = 0;
          continue;
        }
        // The log ends before the known head: it has lost events, or the next ones become visible in a moment.
        if (this.hasRoom && this.#readTo < this.#head.position) {
          await backOff(++missing, stopping);
          continue;
        }
        missing = 0;
        this.#current = undefined;
        await this.#sleeper.sleep();
      } catch (error) {
        const reaction = await this.failed(error);
        if (reaction === 'end') return;
        if (reaction === 'later') await backOff(++failures, stopping);
      }
    }
  }

  async #next(): Promise<Page | undefined> {
    const after = this.#readTo;
    if (after >= this.#head.position) return undefined;
    const tried = this.#current?.after === after ? this.#current : undefined;
    this.#current = tried ?? { since: performance.now(), after, events: [], first: undefined, trouble: undefined };
    const page = await this.read(after);
    const { events } = page;
    const [first, last] = [events[0], events.at(-1)];
    if (!first || !last) return undefined;
    this.#current = { ...this.#current, events, first };
    if (first.position !== after + 1 || last.position - after !== events.length) {
      throw new Error(`The log has a hole between ${after} and ${last.position}.`);
    }
    return page;
  }
}

/** A consumer fails for as long as its cause lasts. It continues at most five seconds after the cause is gone. */
const CONSUME_AGAIN: Backoff = { firstMs: 100, maxMs: 5000 };

function backOff(failures: number, stopping: AbortSignal): Promise<void> {
  return pause(backoffMs(failures, CONSUME_AGAIN), stopping);
}
