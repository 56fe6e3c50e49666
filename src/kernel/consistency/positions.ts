import type { Signal } from '../../database/signal.ts';
import { later } from '../../scheduling/timers.ts';
import { ReadElsewhereError } from './wait-errors.ts';
import { WaitLimit } from './wait-limit.ts';

/** A `read` waits for a limited time. A `subscription` waits until its client goes away. */
export type WaitKind = 'read' | 'subscription';

/**
 * Number of subscriptions that may wait for each read that may. They are counted separately: a subscription waits
 * without a time limit for a read model that is stuck, and would otherwise take the places of all reads.
 */
const SUBSCRIPTIONS_PER_READ = 10;

export interface WaitOptions {
  /**
   * The caller to whom the wait counts: see `callerKey`. Undefined for the application itself, which has no limit of
   * its own.
   */
  readonly caller?: string | undefined;
  readonly timeoutMs?: number | undefined;
  readonly signal?: Signal | undefined;
  /** Default: a read. */
  readonly as?: WaitKind;
}

export interface PositionsOptions {
  /** Maximum number of waits of one caller. Default: the limit for all. */
  readonly perCaller?: number | undefined;
  /** Called when a wait begins. */
  readonly onWait?: (() => void) | undefined;
}

interface Waiter {
  readonly position: number;
  settled: boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * The position of each projection, and the waits for it. A wait costs a little memory: no database connection, no
 * polling.
 */
export class Positions {
  readonly #projections: ReadonlyMap<string, Track>;
  readonly #limits: Readonly<Record<WaitKind, WaitLimit>>;
  readonly #mirrors = new Set<Positions>();
  #retreats = 0;
  readonly #onWait: () => void;

  /** @param limit maximum number of waiting reads, over all projections. */
  constructor(projections: Iterable<string>, limit: number, { perCaller = limit, onWait }: PositionsOptions = {}) {
    this.#onWait = onWait ?? (() => {});
    this.#projections = new Map([...projections].map((name) => [name, new Track(name)]));
    this.#limits = {
      read: new WaitLimit('reads', limit, perCaller),
      subscription: new WaitLimit('subscriptions', limit * SUBSCRIPTIONS_PER_READ, perCaller * SUBSCRIPTIONS_PER_READ),
    };
  }

  get names(): string[] {
    return [...this.#projections.keys()];
  }

  /** Number of waits now. */
  get waiting(): number {
    return this.#limits.read.taken + this.#limits.subscription.taken;
  }

  /**
   * Number of times any position moved backwards. If it changed between a wait and its read, wait and read again.
   */
  get retreats(): number {
    return this.#retreats;
  }

  has(projection: string): boolean {
    return this.#projections.has(projection);
  }

  /** Every event up to this position is in the read model; 0 if it has not begun. */
  of(projection: string): number {
    return this.#track(projection).position;
  }

  /**
   * True if events wait in this projection's dead letters: some rows may lack changes, and others may be missing. It is
   * known before the position of the first such event is reached.
   */
  hasParked(projection: string): boolean {
    return this.#track(projection).hasParked;
  }

  /** Called by the projector before it announces the corresponding position. */
  setParked(projection: string, hasParked: boolean): void {
    this.#track(projection).hasParked = hasParked;
  }

  /** True if a caller waits for this projection. */
  isAwaited(projection: string): boolean {
    return this.#track(projection).awaited;
  }

  /** Called by the projector after the commit. Ignores lower positions; see {@link retreat}. */
  advance(projection: string, position: number): void {
    this.#track(projection).advance(position);
  }

  /**
   * Called by the projector if a projection waits for newer code, at its position, and with undefined if it goes on. Reads of anything
   * later are refused instead of waiting in vain.
   */
  setEnd(projection: string, position: number | undefined): void {
    this.#track(projection).setEnd(position);
    for (const mirror of this.#mirrors) mirror.setEnd(projection, position);
  }

  /** Other positions of the same projections, on a replica: they end where these end. */
  mirrorEnds(mirror: Positions): void {
    this.#mirrors.add(mirror);
  }

  /** Called by the projector if the database has lost commits. */
  retreat(projection: string, position: number): void {
    const track = this.#track(projection);
    if (position >= track.position) return;
    track.position = position;
    this.#retreats++;
  }

  /**
   * Resolves to true when the projection reaches the position; to false if `signal` is aborted or `timeoutMs` ends
   * before that.
   * @throws {ThrottledError} if the maximum number of waits is reached, in total or for this caller; ReadElsewhereError if the
   *   projection waits for newer code before the position.
   */
  async reached(
    projection: string,
    position: number,
    { timeoutMs, signal, caller, as = 'read' }: WaitOptions = {},
  ): Promise<boolean> {
    const track = this.#track(projection);
    if (track.position >= position) return true;
    track.refuseAfterEnd(position);
    if (signal?.aborted || timeoutMs === 0) return false;
    const places = this.#limits[as];
    places.take(caller);
    try {
      const reached = track.wait(position, timeoutMs, signal);
      this.#onWait();
      return await reached;
    } finally {
      places.giveBack(caller);
    }
  }

  #track(projection: string): Track {
    const track = this.#projections.get(projection);
    if (!track) throw new Error(`There is no projection ${projection}.`);
    return track;
  }
}

/** One projection's position, and the waits for it in a heap by position. */
class Track {
  position = 0;
  hasParked = false;
  readonly #name: string;
  /** It does not get further with the code of the instances that could run it; undefined while it may. */
  #end: number | undefined;
  #heap: Waiter[] = [];
  #dead = 0;

  constructor(name: string) {
    this.#name = name;
  }

  get awaited(): boolean {
    return this.#heap.length > this.#dead;
  }

  wait(position: number, timeoutMs: number | undefined, signal: Signal | undefined): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const settle = (reached: boolean, error?: Error) => {
        if (waiter.settled) return;
        waiter.settled = true;
        timer?.cancel();
        signal?.removeEventListener('abort', giveUp);
        if (!reached) this.#bury();
        if (error) reject(error);
        else resolve(reached);
      };
      const giveUp = () => settle(false);
      const waiter: Waiter = {
        position,
        settled: false,
        resolve: () => settle(true),
        reject: (error) => settle(false, error),
      };
      const timer = timeoutMs === undefined ? undefined : later(timeoutMs, giveUp);
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#push(waiter);
    });
  }

  advance(position: number): void {
    if (position <= this.position) return;
    this.position = position;
    if (this.#end !== undefined && position > this.#end) this.#end = undefined;
    for (let first = this.#heap[0]; first && first.position <= position; first = this.#heap[0]) {
      this.#pop();
      if (first.settled) this.#dead--;
      else first.resolve();
    }
  }

  setEnd(position: number | undefined): void {
    this.#end = position;
    if (position === undefined) return;
    for (const waiter of [...this.#heap]) {
      if (!waiter.settled && waiter.position > position) waiter.reject(this.#beyond(waiter.position, position));
    }
  }

  /** @throws {ReadElsewhereError} if it does not get to a position. */
  refuseAfterEnd(position: number): void {
    if (this.#end !== undefined && position > this.#end) throw this.#beyond(position, this.#end);
  }

  #beyond(required: number, end: number): ReadElsewhereError {
    return new ReadElsewhereError(this.#name, required, end);
  }

  /** Counts a wait that has ended early. If these are most of the heap, the heap is rebuilt without them. */
  #bury(): void {
    this.#dead++;
    if (this.#dead < 64 || this.#dead * 2 < this.#heap.length) return;
    const living = this.#heap.filter((waiter) => !waiter.settled);
    this.#heap = [];
    this.#dead = 0;
    for (const waiter of living) this.#push(waiter);
  }

  #push(waiter: Waiter): void {
    const heap = this.#heap;
    let at = heap.push(waiter) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Waiter;
      if (above.position <= waiter.position) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = waiter;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right && right.position < (heap[child] as Waiter).position) child++;
      const below = heap[child] as Waiter;
      if (below.position >= last.position) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
  }
}
